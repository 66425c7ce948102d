import { closeAtOnce, openToRead, syncAll } from './syscalls.js';

interface Turn {
  running: Promise<void> | undefined;
  next: Promise<void> | undefined;
}

async function syncOnce(directory: string): Promise<void> {
  const fd = await openToRead(directory);
  let unclosed: Error | undefined;
  try {
    await syncAll(fd);
  } finally {
    unclosed = closeAtOnce(fd);
  }
  if (unclosed !== undefined) throw unclosed;
}

/**
 * Makes directory entries durable. Callers that ask while a sync of the same directory runs share the next one: the running one may have begun before
 * their change. Each sync opens the directory anew: a descriptor kept over a removal would sync what nobody sees any more.
 */
export class DirectorySync {
  private readonly turns = new Map<string, Turn>();

  constructor(private readonly syncDirectory: (directory: string) => Promise<void> = syncOnce) {}

  /** Resolves once every entry that was made or removed in `directory` before the call is on the disk. */
  async sync(directory: string): Promise<void> {
    const turn = this.turns.get(directory) ?? { running: undefined, next: undefined };
    this.turns.set(directory, turn);
    if (turn.running === undefined) {
      turn.running = this.run(directory, turn);
      await turn.running;
      return;
    }
    turn.next ??= turn.running.then(
      () => this.advance(directory, turn),
      () => this.advance(directory, turn),
    );
    await turn.next;
  }

  private advance(directory: string, turn: Turn): Promise<void> {
    turn.next = undefined;
    this.turns.set(directory, turn);
    turn.running = this.run(directory, turn);
    return turn.running;
  }

  private async run(directory: string, turn: Turn): Promise<void> {
    try {
      await this.syncDirectory(directory);
    } finally {
      turn.running = undefined;
      if (turn.next === undefined && this.turns.get(directory) === turn) this.turns.delete(directory);
    }
  }
}
