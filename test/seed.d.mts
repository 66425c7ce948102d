export function seedOfThisRun(): number;
export function freshSeed(): number;
