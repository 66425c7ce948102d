import { IdSource, newSessionId, sessionOf } from './ids.js';
import type { SessionFiles, SessionSpan } from './session-files.js';

/** Time, so that tests can hold it. */
export interface SessionClock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Calls again and again, without keeping the process alive; answers how to end that. */
  every(ms: number, action: () => void): () => void;
}

export const SYSTEM_CLOCK: SessionClock = {
  now: Date.now,
  every(ms, action) {
    const timer = setInterval(action, ms).unref();
    return () => clearInterval(timer);
  },
};

/** A disk that is slower than the life of a session so often in a row is not one to write to. */
const MOST_OPENINGS = 3;

interface Session extends SessionSpan {
  /** Ids that were given and not settled. */
  readonly pending: Set<string>;
}

/** Does it for each, also after one has failed: a file that is gone must not make the others look as if their process were dead. */
async function each<T>(items: readonly T[], action: (item: T) => Promise<void>): Promise<void> {
  const outcomes = await Promise.allSettled(items.map(action));
  const failures = outcomes.flatMap((outcome): unknown[] => (outcome.status === 'rejected' ? [outcome.reason] : []));
  if (failures.length > 1) throw new AggregateError(failures, `${failures.length} session files failed`);
  if (failures.length === 1) throw failures[0];
}

/**
 * The sessions of this process, one after another: every id names the session that it was made in, and a session's file is durable before its first id is given.
 * So after a crash the writes of the dead process are found by the sessions it left, and only theirs. A session that is old gives way to a new one, and is
 * forgotten once all of its writes are settled: a process that lived long leaves little to look at.
 */
export class Sessions {
  private current: Session | undefined;
  private readonly mine = new Map<string, Session>();
  private opening: Promise<void> | undefined;
  private ticking: Promise<void> = Promise.resolve();
  private stop: (() => void) | undefined;
  private closed = false;
  /** What went wrong in the last round of the timer. */
  private failure: unknown;
  private readonly ids: IdSource;

  constructor(
    private readonly files: SessionFiles,
    private readonly clock: SessionClock,
    /** How long a session gives ids. Twice as long where no new one could be opened in time; never longer. */
    private readonly rotateMs: number,
  ) {
    this.ids = new IdSource(() => clock.now());
  }

  /** A fresh id, whose write is unsettled until it is said to be settled. Waits for the disk only where a session must be opened first, and fails where that takes too long. */
  async newId(): Promise<string> {
    for (let opened = 0; ; opened++) {
      const { current } = this;
      if (current !== undefined && this.ids.time() < current.until) {
        const id = this.ids.next(current.session);
        current.pending.add(id);
        return id;
      }
      if (opened === MOST_OPENINGS)
        throw new Error('a session is over before its file is on the disk', { cause: this.failure });
      await this.open();
    }
  }

  /** Says that the write is committed, or gone. */
  settle(id: string): void {
    this.mine.get(sessionOf(id))?.pending.delete(id);
  }

  /** Whether the write of an unfinished file may still go on, here or in another process. */
  async mayGrow(id: string): Promise<boolean> {
    const own = this.mine.get(sessionOf(id));
    return own === undefined ? await this.files.mayWrite(sessionOf(id)) : own.pending.has(id);
  }

  /** Opens a new session in place of an old one, forgets those that have nothing unsettled, and says of the others that their process lives. */
  tick(): Promise<void> {
    this.ticking = this.ticking.then(
      () => this.turn(),
      () => this.turn(),
    );
    return this.ticking;
  }

  /** Forgets the sessions that have nothing unsettled. The others stay, to be looked at when this process is dead. */
  async close(): Promise<void> {
    this.closed = true;
    this.stop?.();
    await Promise.allSettled([this.opening, this.ticking]);
    this.current = undefined;
    await this.forgetSettled();
  }

  private open(): Promise<void> {
    this.opening ??= this.make().finally(() => (this.opening = undefined));
    return this.opening;
  }

  private async make(): Promise<void> {
    const since = this.ids.time();
    const session = { session: newSessionId(), since, until: since + 2 * this.rotateMs, pending: new Set<string>() };
    await this.files.make(session);
    this.mine.set(session.session, session);
    this.current = session;
    if (this.closed) return;
    // What fails in a tick is tried again by the next; until then the old session serves, and a write that gets no new one says why.
    this.stop ??= this.clock.every(this.rotateMs, () => {
      this.tick().then(
        () => (this.failure = undefined),
        (error: unknown) => (this.failure = error),
      );
    });
  }

  private async turn(): Promise<void> {
    const { current } = this;
    if (current !== undefined && this.ids.time() - current.since >= this.rotateMs) {
      if (current.pending.size === 0) this.current = undefined;
      else await this.open();
    }
    await this.forgetSettled();
    await each([...this.mine.keys()], (session) => this.files.touch(session));
  }

  private async forgetSettled(): Promise<void> {
    await each([...this.mine], async ([name, session]) => {
      if (session === this.current || session.pending.size > 0) return;
      await this.files.removeOwn(name);
      this.mine.delete(name);
    });
  }
}
