import { readFileSync } from 'node:fs';
import { VARIABLES } from './schema.js';

/** An environment whose secrets stand in it, and what is wrong with the files that they should have come from. */
export interface ReadSecrets {
  readonly environment: Record<string, string>;
  /** `<variable>: <what was expected>`, without any value. */
  readonly problems: readonly string[];
}

/** Each secret setting and the variable that names its file, as Docker and Kubernetes hand out secrets. One that has a file setting of its own is left to it. */
export function secretFileVariables(): readonly { readonly name: string; readonly file: string }[] {
  return Object.entries(VARIABLES).flatMap(([name, variable]) => {
    const file = `${name}_FILE`;
    return variable.meta()?.['secret'] === true && !(file in VARIABLES) ? [{ name, file }] : [];
  });
}

function reasonOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'it is no readable file';
}

/** Replaces `<NAME>_FILE` by what the file holds, but for a newline at its end. Files are read once, at the start. */
export function readSecretFiles(given: Readonly<Record<string, string>>): ReadSecrets {
  const files = new Set(secretFileVariables().map(({ file }) => file));
  const environment = Object.fromEntries(Object.entries(given).filter(([name]) => !files.has(name)));
  const problems: string[] = [];
  for (const { name, file } of secretFileVariables()) {
    const path = given[file];
    if (path === undefined) continue;
    if (given[name] !== undefined) {
      problems.push(`${file}: is given as well as ${name}: give one of them`);
      continue;
    }
    try {
      const text = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
      if (text === '') problems.push(`${file}: ${path} is empty`);
      else environment[name] = text;
    } catch (error) {
      problems.push(`${file}: ${path} cannot be read: ${reasonOf(error)}`);
    }
  }
  return { environment, problems };
}
