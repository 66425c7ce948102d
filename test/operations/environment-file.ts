import { readFileSync } from 'node:fs';

/** The variables of an environment file as Docker reads it: a line a variable, no quotes, lines with `#` at their beginning are remarks. Fails at a line of another form. */
export function environmentFile(path: string): Record<string, string> {
  const lines = readFileSync(path, 'utf8').split('\n');
  const kept = lines.filter((line) => line.trim() !== '' && !line.startsWith('#'));
  return Object.fromEntries(
    kept.map((line) => {
      const [, name, value] = /^([A-Z][A-Z0-9_]*)=([^\s"'#]*)$/.exec(line) ?? [];
      if (name === undefined || value === undefined) throw new Error(`${path}: not a variable: ${line}`);
      return [name, value];
    }),
  );
}
