import { AsyncLocalStorage } from 'node:async_hooks';

/** A task that runs until it reaches a point, and goes on only when it is let. */
export interface Task {
  readonly name: string;
  readonly settled: Promise<PromiseSettledResult<unknown>>;
  outcome: PromiseSettledResult<unknown> | undefined;
  /** Where it stands; undefined while it runs or after it ended. */
  at: string | undefined;
  isAsleep: boolean;
  go: (() => void) | undefined;
}

/**
 * Runs tasks one step at a time, so that every interleaving over their points can be tried. Everything between two points must be microtasks: then one turn of the event loop
 * brings each task to its next point or its end.
 */
export class Scheduler {
  readonly #current = new AsyncLocalStorage<Task>();
  readonly tasks: Task[] = [];
  readonly trace: string[] = [];
  now = 1_000_000;

  start(name: string, run: () => Promise<unknown>): Task {
    let settle: (result: PromiseSettledResult<unknown>) => void = () => undefined;
    const settled = new Promise<PromiseSettledResult<unknown>>((resolve) => (settle = resolve));
    const task: Task = { name, settled, outcome: undefined, at: undefined, isAsleep: false, go: undefined };
    this.tasks.push(task);
    const done = (outcome: PromiseSettledResult<unknown>): void => {
      task.outcome = outcome;
      task.at = undefined;
      settle(outcome);
    };
    this.#current.run(task, () => {
      void this.#hold(task, 'start', false)
        .then(run)
        .then(
          (value) => done({ status: 'fulfilled', value }),
          (reason: unknown) => done({ status: 'rejected', reason }),
        );
    });
    return task;
  }

  /** Called by the engine's points and the backends' gates. Outside a task it does not wait. */
  reach(point: string): Promise<void> | void {
    const task = this.#current.getStore();
    return task && this.#hold(task, point, false);
  }

  /** The engine's sleep: the sleeper goes on when nobody else can. */
  sleep(ms: number): Promise<void> {
    const task = this.#current.getStore();
    if (!task) {
      this.now += ms;
      return Promise.resolve();
    }
    return this.#hold(task, 'asleep', true).then(() => {
      this.now += ms;
    });
  }

  #hold(task: Task, point: string, isAsleep: boolean): Promise<void> {
    task.at = point;
    task.isAsleep = isAsleep;
    return new Promise((resolve) => (task.go = resolve));
  }

  /** The tasks that may make the next step: those awake; sleepers only when nobody is. */
  eligible(dead: ReadonlySet<Task> = new Set()): Task[] {
    const waiting = this.tasks.filter((task) => task.at !== undefined && !dead.has(task));
    const awake = waiting.filter((task) => !task.isAsleep);
    return awake.length > 0 ? awake : waiting;
  }

  async step(task: Task): Promise<void> {
    this.trace.push(`${task.name}@${task.at ?? '?'}`);
    const { go } = task;
    task.at = undefined;
    task.go = undefined;
    go?.();
    await this.quiet();
  }

  /** Until every task stands at a point or has ended. */
  async quiet(): Promise<void> {
    for (let turns = 0; turns < 1_000; turns += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      if (this.tasks.every((task) => task.at !== undefined || task.outcome !== undefined)) return;
    }
    throw new Error(`tasks neither wait nor end: ${this.trace.join(' ')}`);
  }
}

/** A path through the tree of choices: at each step, the index of the task that goes on. `next` gives the next path in depth-first order. */
export class Choices {
  #path: { chosen: number; of: number }[] = [];
  #depth = 0;

  choose(of: number): number {
    const known = this.#path[this.#depth];
    this.#depth += 1;
    if (known) return known.chosen;
    this.#path.push({ chosen: 0, of });
    return 0;
  }

  /** False when every path has been tried. */
  next(): boolean {
    this.#depth = 0;
    for (let last = this.#path.at(-1); last; last = this.#path.at(-1)) {
      if (last.chosen + 1 < last.of) {
        last.chosen += 1;
        return true;
      }
      this.#path.pop();
    }
    return false;
  }
}
