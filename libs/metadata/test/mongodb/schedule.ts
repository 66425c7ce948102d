/** A task that stands before its next step, or has ended. */
interface Task {
  readonly name: string;
  go: (() => void) | undefined;
  ended: boolean;
}

/** How the tree of interleavings is cut. */
export interface Bounds {
  /** How often another task may go on although the one before could. */
  readonly switches: number;
  /** How many tasks may die, each before any of its steps. */
  readonly deaths: number;
}

/** A path through the tree of choices, and the next one in depth-first order. */
class Path {
  readonly #taken: { chosen: number; of: number }[] = [];
  #depth = 0;

  choose(of: number): number {
    const known = this.#taken[this.#depth];
    this.#depth += 1;
    if (known !== undefined) return known.chosen;
    this.#taken.push({ chosen: 0, of });
    return 0;
  }

  next(): boolean {
    this.#depth = 0;
    for (let last = this.#taken.at(-1); last !== undefined; last = this.#taken.at(-1)) {
      if (last.chosen + 1 < last.of) {
        last.chosen += 1;
        return true;
      }
      this.#taken.pop();
    }
    return false;
  }
}

/** One run: tasks go on one step at a time, as the path says. */
export class Run {
  readonly trace: string[] = [];
  readonly #tasks: Task[] = [];
  #current: Task | undefined;

  /** What every step waits at. Free once the run is over. */
  readonly gate = (step: string): Promise<void> => {
    const task = this.#current;
    if (task === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      task.go = () => {
        this.trace.push(`${task.name}: ${step}`);
        resolve();
      };
    });
  };

  async start(name: string, work: () => Promise<void>): Promise<void> {
    const task: Task = { name, go: undefined, ended: false };
    this.#tasks.push(task);
    this.#current = task;
    void work().finally(() => (task.ended = true));
    await this.#untilItWaits(task);
  }

  /** Lets the tasks go on until each has ended or died. */
  async toTheEnd(path: Path, bounds: Bounds): Promise<void> {
    const dead = new Set<Task>();
    let { switches } = bounds;
    let last: Task | undefined;
    for (;;) {
      const able = this.#tasks.filter((task) => !task.ended && !dead.has(task));
      if (able.length === 0) break;
      const mayOnlyGoOn = switches === 0 && last !== undefined && able.includes(last);
      const eligible = mayOnlyGoOn && last !== undefined ? [last] : first(last, able);
      const deadly = dead.size < bounds.deaths && able.length > 1 ? eligible : [];
      const chosen = path.choose(eligible.length + deadly.length);
      const task = eligible[chosen];
      if (task === undefined) {
        const dies = deadly[chosen - eligible.length];
        if (dies !== undefined) dead.add(dies);
        this.trace.push(`${dies?.name ?? ''}: dies`);
        continue;
      }
      if (last !== undefined && task !== last && able.includes(last)) switches -= 1;
      last = task;
      await this.#step(task);
    }
    this.#current = undefined;
  }

  async #step(task: Task): Promise<void> {
    this.#current = task;
    const { go } = task;
    task.go = undefined;
    go?.();
    await this.#untilItWaits(task);
  }

  /** Everything between two steps is microtasks. */
  async #untilItWaits(task: Task): Promise<void> {
    for (let turns = 0; turns < 200; turns += 1) {
      if (task.go !== undefined || task.ended) return;
      await Promise.resolve();
    }
    throw new Error(`${task.name} neither waits nor ends: ${this.trace.join(', ')}`);
  }
}

/** The task that went last comes first, so that the first path has no needless switch. */
function first(last: Task | undefined, able: readonly Task[]): Task[] {
  return last !== undefined && able.includes(last) ? [last, ...able.filter((task) => task !== last)] : [...able];
}

/** Tries every interleaving within the bounds; `world` sets one up, starts its tasks and gives what must hold at the end. Answers how many there were. */
export async function everyInterleaving(
  bounds: Bounds,
  world: (run: Run) => Promise<() => Promise<void>>,
): Promise<number> {
  const path = new Path();
  for (let count = 1; ; count += 1) {
    const run = new Run();
    const assertAll = await world(run);
    await run.toTheEnd(path, bounds);
    try {
      await assertAll();
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`${reason}\nafter: ${run.trace.join('\n       ')}`, { cause });
    }
    if (!path.next()) return count;
  }
}
