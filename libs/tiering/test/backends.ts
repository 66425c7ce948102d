/** Where the objects of the models may lie: two places of one vendor, and two vendors that the rules treat otherwise. */
export const BACKENDS = [
  { name: 'aws-a', vendor: 'aws' },
  { name: 'aws-b', vendor: 'aws' },
  { name: 'az', vendor: 'azure' },
  { name: 'fs', vendor: 'filesystem' },
] as const;
