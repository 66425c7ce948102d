import { readdir, unlink } from 'node:fs/promises';
import type { Call, DamagedWrite, FreshIds, ObjectRef } from '../object-backend.js';
import { listContainers } from './containers.js';
import { assertWanted, codeOf } from './errors.js';
import { isId, PERIOD_MS, sessionOf, SLICE_MS } from './ids.js';
import { parseStagedName } from './layout.js';
import type { Place } from './place.js';
import { namesIn, periodsOf, readFiles, scanContainer, slicesOf } from './scan.js';
import type { ScannedFile, TimedDirectory } from './scan.js';
import type { SessionSpan } from './session-files.js';

function damagedOf({ name, damagedKey }: ScannedFile): DamagedWrite {
  return { damaged: name, ...(damagedKey === undefined ? {} : { key: damagedKey }) };
}

type DeadSession = SessionSpan & { readonly examined: ReadonlySet<string> };
type Unsettled = ReturnType<FreshIds['unsettled']>;

/** The slices of a container that can hold a file of one of the sessions, with the names of those files. */
async function* slicesOfSessions(
  place: Place,
  container: string,
  sessions: readonly SessionSpan[],
): AsyncGenerator<{ slice: TimedDirectory; names: readonly string[] }> {
  const wanted = new Set(sessions.map(({ session }) => session));
  const overlaps = (start: number, length: number): boolean =>
    sessions.some(({ since, until }) => start <= until && start + length > since);
  for (const period of await periodsOf(place, container)) {
    if (!overlaps(period.start, PERIOD_MS)) continue;
    for (const slice of await slicesOf(period)) {
      if (!overlaps(slice.start, SLICE_MS)) continue;
      const names = (await namesIn(slice)).filter((name) => wanted.has(sessionOf(name).slice(0, 12)));
      if (names.length > 0) yield { slice, names };
    }
  }
}

/** The staged files of the sessions in a directory that was taken over. */
async function stagedBy(place: Place, container: string, sessions: readonly SessionSpan[]): Promise<string[]> {
  const plain = await place.plain.of(container);
  if (!plain || sessions.length === 0) return [];
  const wanted = new Set(sessions.map(({ session }) => session));
  const names = await readdir(plain.staging);
  return names
    .filter((name) => wanted.has(sessionOf(parseStagedName(name) ?? '')))
    .map((name) => `${plain.staging}/${name}`);
}

/**
 * Finds the writes of dead sessions (see sessions.ts). The work is bounded by what those wrote, 20 minutes at most each, not by what the container holds. A session is
 * forgotten once every container that holds files of it was examined; where marks are lost a container is examined twice.
 */
export class FilesystemFreshIds implements FreshIds {
  /** By container, the sessions whose writes the last `unsettled` gave to its end. */
  private readonly looked = new Map<string, readonly DeadSession[]>();

  constructor(
    private readonly place: Place,
    /** Says what a failure means, as for every call of the backend. */
    private readonly attempt: <T>(call: Call, doing: string, action: () => Promise<T>) => Promise<T>,
  ) {}

  settle(ref: ObjectRef): void {
    this.place.sessions.settle(ref.token);
  }

  async *unsettled(call: Call, container: string): Unsettled {
    const walk = this.walk(call, container)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const { done, value } = await this.attempt(call, 'looking for unsettled writes', () => walk.next());
        if (done === true) return;
        yield value;
      }
    } finally {
      await walk.return(undefined);
    }
  }

  async *everyWrite(call: Call, container: string): ReturnType<FreshIds['everyWrite']> {
    const walk = scanContainer(this.place, container)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next: IteratorResult<ScannedFile, undefined> = await this.attempt(call, 'reading every write', () =>
          walk.next(),
        );
        if (next.done === true) return;
        const { value } = next;
        assertWanted(this.place.name, call);
        if (value.trailer === undefined) {
          // One that is only staged never finished: nobody was told of it.
          if (isId(value.name)) yield damagedOf(value);
          continue;
        }
        const { writeId } = value.trailer.attributes;
        const ref = { container, key: value.trailer.key, token: value.name };
        yield { ref, ...(writeId === undefined ? {} : { writeId }) };
      }
    } finally {
      await walk.return(undefined);
    }
  }

  /** Ids sort by age. */
  isNewer(token: string, than: string): boolean {
    return token > than;
  }

  async examined(call: Call, container: string): Promise<void> {
    await this.attempt(call, 'forgetting dead sessions', async () => {
      const { sessionFiles } = this.place;
      const sessions = this.looked.get(container) ?? [];
      this.looked.delete(container);
      for (const { session } of sessions) await sessionFiles.mark(session, container);
      const containers = (await listContainers(this.place)).map(({ name }) => name);
      for (const session of await sessionFiles.dead())
        if (!(await this.isWanted(session, containers))) await sessionFiles.remove(session.session);
    });
  }

  private async *walk(call: Call, container: string): AsyncGenerator<{ ref: ObjectRef; writeId?: string }, undefined> {
    this.looked.delete(container);
    const dead = await this.place.sessionFiles.dead();
    const due = dead.filter(({ examined }) => !examined.has(container));
    if (await this.place.plain.of(container)) {
      await this.removeStaged(container, due);
      this.looked.set(container, due);
      return;
    }
    for await (const { slice, names } of slicesOfSessions(this.place, container, due)) {
      for await (const { name, path, trailer } of readFiles(slice, names, 'unchecked')) {
        assertWanted(this.place.name, call);
        if (trailer === undefined) {
          await this.removeTorn(container, path, name);
          continue;
        }
        const { writeId } = trailer.attributes;
        const ref = { container, key: trailer.key, token: name };
        yield { ref, ...(writeId === undefined ? {} : { writeId }) };
      }
    }
    this.looked.set(container, due);
  }

  /** In a directory that was taken over, a write bears an id only while it is staged. */
  private async removeStaged(container: string, dead: readonly SessionSpan[]): Promise<void> {
    for (const path of await stagedBy(this.place, container, dead))
      await unlink(path).catch((error: unknown) => {
        if (codeOf(error) !== 'ENOENT') throw error; // another process looks too
      });
  }

  /** A write that was never whole was never answered: nobody can miss it. */
  private async removeTorn(container: string, path: string, name: string): Promise<void> {
    await unlink(path).catch((error: unknown) => {
      if (codeOf(error) !== 'ENOENT') throw error; // another process looks too
    });
    await this.place.slices.syncRemoval(container, name.slice(0, 26));
  }

  /** Whether some container still holds files of a session that nobody has examined there. */
  private async isWanted(session: DeadSession, containers: readonly string[]): Promise<boolean> {
    for (const name of containers) {
      if (session.examined.has(name)) continue;
      if ((await stagedBy(this.place, name, [session])).length > 0) return true;
      for await (const { names } of slicesOfSessions(this.place, name, [session])) if (names.length > 0) return true;
    }
    return false;
  }
}
