import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RunningSpumoni, until } from '../system/running-spumoni.js';

/** Times so short that recovery is seen within seconds, and yet longer than a busy machine makes a living writer wait. */
export const QUICK = {
  SPUMONI_HEARTBEAT_SECONDS: '0.3',
  SPUMONI_DEAD_AFTER_SECONDS: '1',
  SPUMONI_SWEEP_SECONDS: '0.2',
  SPUMONI_GARBAGE_GRACE_SECONDS: '1',
  SPUMONI_PATIENCE_SECONDS: '2',
  SPUMONI_BACKEND_DEADLINE_SECONDS: '3',
} as const;

type Role = 'api' | 'worker';

/** While one is started again, the others serve. */
const API_PROCESSES = 3;
/** The supervisor waits longer and longer before it starts a child that crashes again and again; a new supervisor begins anew. */
const CRASHES_OF_ONE_START: Readonly<Record<Role, number>> = { api: 4 * API_PROCESSES, worker: 4 };
/** Far more than it takes, for machines that do much else. */
const CRASH_MS = 120_000;
const RECOVERY_MS = 120_000;

/** The product, told again and again at which point which of its processes shall end itself. */
export class CrashingSpumoni {
  readonly #crashes: Record<Role, number> = { api: 0, worker: 0 };
  /** Points at which a process ended itself. */
  readonly reached = new Set<string>();
  /** How many processes ended themselves. */
  killsOrdered = 0;

  private constructor(readonly spumoni: RunningSpumoni) {}

  static async start(environment: Readonly<Record<string, string>> = {}): Promise<CrashingSpumoni> {
    const processes = String(API_PROCESSES);
    const told = { ...QUICK, SPUMONI_CRASH_AT: 'as-told', SPUMONI_API_PROCESSES: processes, ...environment };
    return new CrashingSpumoni(await RunningSpumoni.start({ environment: told }));
  }

  /** Lets the process end itself at `<point>[:<n>]` while `operation` runs, and waits until one of its kind serves. Fails if the point was never reached. */
  async strike(role: Role, point: string, operation: () => Promise<unknown>): Promise<void> {
    await this.freshStart(role);
    await this.crash(role, point, operation);
    await this.recovered(role);
  }

  /** As `strike`, without waiting for the other process. */
  async crash(role: Role, point: string, operation: () => Promise<unknown>): Promise<void> {
    const { dataDirectory } = this.spumoni;
    const order = `${point}@${role}`;
    const done = join(dataDirectory, 'crashed-at');
    await rm(done, { force: true });
    await writeFile(join(dataDirectory, 'crash-at.new'), order);
    await rename(join(dataDirectory, 'crash-at.new'), join(dataDirectory, 'crash-at'));
    this.#crashes[role] += 1;
    await operation();
    await this.#until(`the ${role} reaches ${point}`, CRASH_MS, async () => (await textOf(done)) === order);
    this.killsOrdered += 1;
    await this.#until(`the supervisor sees the ${role} killed at ${point}`, CRASH_MS, () =>
      Promise.resolve(this.killsSeen === this.killsOrdered),
    );
    this.reached.add(point.replace(/:.*/, ''));
  }

  async recovered(role: Role): Promise<void> {
    await this.#until(`another ${role} runs`, RECOVERY_MS, async () => (await this.spumoni.pidsOf(role)).length > 0);
    await this.spumoni.untilReady();
  }

  /** Waits until the supervisor has replaced every process that died. */
  async allRecovered(): Promise<void> {
    await this.recovered('worker');
    await this.#until('every API process runs again', RECOVERY_MS, async () => {
      return (await this.spumoni.pidsOf('api')).length === API_PROCESSES;
    });
  }

  /** Starts everything again before the next crash would make the supervisor hesitate. */
  async freshStart(role: Role): Promise<void> {
    if (this.#crashes[role] < CRASHES_OF_ONE_START[role]) return;
    await this.spumoni.interrupt();
    this.#crashes.api = this.#crashes.worker = 0;
    await this.spumoni.launch();
  }

  /** As `until`; a failure shows what the processes said last. */
  async #until(what: string, withinMs: number, holds: () => Promise<boolean>): Promise<void> {
    await until(what, withinMs, holds).catch((cause: unknown) => {
      throw new Error(`${what}: not within ${withinMs} ms\n${this.spumoni.output.slice(-4000)}`, { cause });
    });
  }

  /** How often the supervisor saw a child end by SIGKILL. */
  get killsSeen(): number {
    return this.spumoni.output.split('crashed (it was ended by SIGKILL)').length - 1;
  }
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    // Not there yet: that is what is being waited for.
    return undefined;
  }
}
