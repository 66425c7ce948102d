import { mkdir, readdir, readFile, stat, unlink, utimes } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import type { DirectorySync } from './directory-sync.js';
import { codeOf } from './errors.js';
import { isSessionId } from './ids.js';
import type { Layout } from './layout.js';
import { lifeOf, ownIdentity, processShape } from './process-identity.js';
import type { ProcessIdentity } from './process-identity.js';
import type { Root } from './root.js';
import { closeFile, createFile, writeFully } from './syscalls.js';

const EXAMINED = '.examined';
const fileShape = z.object({ process: processShape, since: z.number(), until: z.number() });

/** A stretch of time in which one process made ids: from `since` to below `until`, in milliseconds since 1970. */
export interface SessionSpan {
  readonly session: string;
  readonly since: number;
  readonly until: number;
}

export interface SessionFilesOptions {
  readonly layout: Layout;
  readonly root: Root;
  readonly directories: DirectorySync;
  readonly now: () => number;
  /** A process that this one cannot see is taken for dead when it has not touched its session for this long. */
  readonly foreignGraceMs: number;
  readonly identity?: () => Promise<ProcessIdentity>;
}

async function unlinkIfThere(path: string): Promise<void> {
  await unlink(path).catch((error: unknown) => {
    if (codeOf(error) !== 'ENOENT') throw error;
  });
}

async function mkdirIfAbsent(path: string): Promise<void> {
  await mkdir(path, { mode: 0o700 }).catch((error: unknown) => {
    if (codeOf(error) !== 'EEXIST') throw error;
  });
}

/** The directory of session files, `<session>.json` each, and of marks `<session>.<container>.examined`: that session's writes in that container were dealt with. */
export class SessionFiles {
  private self: Promise<ProcessIdentity> | undefined;

  constructor(private readonly options: SessionFilesOptions) {}

  /** Writes a session's file. When it resolves the file is durable, so writes may bear the session. */
  async make({ session, since, until }: SessionSpan): Promise<void> {
    const { layout, root, directories } = this.options;
    await root.assertThere();
    const { sessions } = layout;
    await mkdirIfAbsent(dirname(sessions));
    await mkdirIfAbsent(sessions);
    const text = JSON.stringify({ process: await this.ownIdentity(), since, until });
    const fd = await createFile(this.path(session), true);
    try {
      await writeFully(fd, [Buffer.from(`${text}\n`)]);
    } finally {
      await closeFile(fd);
    }
    await Promise.all([sessions, dirname(sessions), layout.root].map((directory) => directories.sync(directory)));
  }

  /** Says that the session's process lives, to those that cannot see it. */
  async touch(session: string): Promise<void> {
    const now = new Date(this.options.now());
    await utimes(this.path(session), now, now);
  }

  /** Forgets a session and its marks. Not synced: one that a crash brings back is examined again, in vain. */
  async remove(session: string): Promise<void> {
    await unlinkIfThere(this.path(session));
    for (const name of await this.names())
      if (name.startsWith(`${session}.`)) await unlinkIfThere(`${this.options.layout.sessions}/${name}`);
  }

  /** Forgets a session of this process: nobody examines those, so it has no marks. */
  async removeOwn(session: string): Promise<void> {
    await unlinkIfThere(this.path(session));
  }

  async mark(session: string, container: string): Promise<void> {
    const path = `${this.options.layout.sessions}/${session}.${container}${EXAMINED}`;
    try {
      await closeFile(await createFile(path, false));
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error; // two looked at the container at once
    }
  }

  /** The sessions of dead processes, each with the containers that were examined for it. */
  async dead(): Promise<(SessionSpan & { readonly examined: ReadonlySet<string> })[]> {
    await this.options.root.assertThere();
    const names = await this.names();
    const found: (SessionSpan & { examined: Set<string> })[] = [];
    for (const name of names) {
      const session = name.slice(0, 12);
      if (!isSessionId(session) || name !== `${session}.json`) continue;
      const span = await this.deadSpan(session);
      if (span === undefined) continue;
      const marks = names.filter((mark) => mark.startsWith(`${session}.`) && mark.endsWith(EXAMINED));
      found.push({ ...span, examined: new Set(marks.map((mark) => mark.slice(13, -EXAMINED.length))) });
    }
    return found;
  }

  /** Whether a session's process may still write: false once the session is closed, or its process is dead. */
  async mayWrite(session: string): Promise<boolean> {
    try {
      return (await this.deadSpan(session)) === undefined && (await stat(this.path(session))).isFile();
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return false;
      throw error;
    }
  }

  private async deadSpan(session: string): Promise<SessionSpan | undefined> {
    let text: string;
    let touched: number;
    try {
      text = await readFile(this.path(session), 'utf8');
      touched = (await stat(this.path(session))).mtimeMs;
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined; // closed since the directory was read
      throw error;
    }
    const silent = this.options.now() - touched > this.options.foreignGraceMs;
    const file = parse(text);
    // Being made just now, or torn: then nothing was ever written under it, as it was not yet durable.
    if (file === undefined) return silent ? { session, since: 0, until: 0 } : undefined;
    const life = await lifeOf(file.process, await this.ownIdentity());
    const dead = life === 'dead' || (life === 'unknown' && silent);
    return dead ? { session, since: file.since, until: file.until } : undefined;
  }

  private async names(): Promise<string[]> {
    try {
      return await readdir(this.options.layout.sessions);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return []; // nothing was ever written here
      throw error;
    }
  }

  private ownIdentity(): Promise<ProcessIdentity> {
    this.self ??= (this.options.identity ?? ownIdentity)();
    return this.self;
  }

  private path(session: string): string {
    return `${this.options.layout.sessions}/${session}.json`;
  }
}

function parse(text: string): z.infer<typeof fileShape> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  return fileShape.safeParse(value).data;
}
