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
    const file = { type: 'string' } as const;
    const unsigned = { type: 'boolean' } as const;
    const known = option === 'to' ? { to: file } : { [option]: file, unsigned };
    const values: Readonly<Record<string, unknown>> = parseArgs({
      args: [...args],
      options: known,
      strict: true,
    }).values;
    const named = values[option];
    if (typeof named === 'string' && named !== '')
      return { file: resolve(named), unsigned: values['unsigned'] === true };
  } catch (cause) {
    throw new Error(`${cause instanceof Error ? cause.message : String(cause)}\n${usage}`, { cause });
  }
  throw new Error(`no file was named\n${usage}`);
}
