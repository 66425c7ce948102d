import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

/** The file that the one option of a command names. Throws, saying how it is called. */
export function fileIn(args: readonly string[], option: 'to' | 'from' | 'check', usage: string): string {
  try {
    const { values } = parseArgs({ args: [...args], options: { [option]: { type: 'string' } }, strict: true });
    const file = values[option];
    if (typeof file === 'string' && file !== '') return resolve(file);
  } catch (cause) {
    throw new Error(`${cause instanceof Error ? cause.message : String(cause)}\n${usage}`, { cause });
  }
  throw new Error(`no file was named\n${usage}`);
}
