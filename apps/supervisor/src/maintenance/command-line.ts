import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

/** What a command was called with. */
export interface Command {
  readonly file: string;
  /** Whether a backup is taken whose signature cannot be looked at. */
  readonly unsigned: boolean;
}

/** The file that the option of a command names, and whether `--unsigned` was said, which a command that writes does not know. Throws, saying how it is called. */
export function commandIn(args: readonly string[], option: 'to' | 'from' | 'check', usage: string): Command {
  try {
    const known = {
      [option]: { type: 'string' },
      ...(option === 'to' ? {} : { unsigned: { type: 'boolean' } }),
    } as const;
    const { values } = parseArgs({ args: [...args], options: known, strict: true });
    const { [option]: file, unsigned } = values as Readonly<Record<string, string | boolean | undefined>>;
    if (typeof file === 'string' && file !== '') return { file: resolve(file), unsigned: unsigned === true };
  } catch (cause) {
    throw new Error(`${cause instanceof Error ? cause.message : String(cause)}\n${usage}`, { cause });
  }
  throw new Error(`no file was named\n${usage}`);
}
