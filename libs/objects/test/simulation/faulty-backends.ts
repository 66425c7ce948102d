import {
  BackendError,
  FaultPlan,
  OPERATIONS,
  RetryBudget,
  withDeadline,
  withFaults,
  withRetry,
  type Fault,
  type MemoryBackend,
  type ObjectBackend,
  type Timers,
  type Operation as VendorCall,
} from '#libs/backends';

/** What goes wrong with one vendor call. */
export const FAULT_KINDS = [
  'fails',
  'hangs',
  'answers late',
  'answers behind a rival',
  'is cut',
  'arrives truncated',
  'loses its answer',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

const PLACES = ['m1', 'm2'] as const;

/** One vendor call of an operation: the nth of its name at a backend, from 1. */
export interface Position {
  readonly at: (typeof PLACES)[number];
  readonly call: VendorCall;
  readonly nth: number;
}

export function named({ at, call, nth }: Position): string {
  return `${at} ${call}#${nth}`;
}

/** Only calls that carry a body can be cut in the middle of one. */
export function canSuffer({ call }: Position, kind: FaultKind): boolean {
  if (kind === 'arrives truncated') return call === 'put';
  return kind !== 'is cut' || call === 'put' || call === 'get';
}

/** Two backends whose calls are counted and go wrong as told; a hanging one is given up when the test says that its time is over. */
export class FaultyBackends {
  readonly #plans = { m1: new FaultPlan(), m2: new FaultPlan() };
  readonly #timers = new Set<() => void>();
  #counted = this.#counts();

  constructor(private readonly triedAgain: boolean) {}

  /** For a world's `wrap`. */
  readonly wrap = (inner: MemoryBackend): ObjectBackend => {
    const plan = inner.name === 'm1' ? this.#plans.m1 : this.#plans.m2;
    const timers: Timers = {
      start: (fire) => {
        this.#timers.add(fire);
        return () => this.#timers.delete(fire);
      },
    };
    const timed = withDeadline(withFaults(inner, plan), { answerMs: 1_000, idleMs: 1_000, timers });
    if (!this.triedAgain) return timed;
    const budget = new RetryBudget({ capacity: 10, refillPerSuccess: 1 });
    return withRetry(timed, { budget, random: () => 0, sleep: () => Promise.resolve() });
  };

  /** Counts from here on. */
  begin(): void {
    this.#counted = this.#counts();
  }

  /** Every call since `begin`. */
  positions(): Position[] {
    const now = this.#counts();
    return PLACES.flatMap((at) =>
      OPERATIONS.flatMap((call) => {
        const made = (now[at][call] ?? 0) - (this.#counted[at][call] ?? 0);
        return Array.from({ length: made }, (_, n) => ({ at, call, nth: n + 1 }));
      }),
    );
  }

  /** Lets the call at that position go wrong, counted from `begin`. */
  arm({ at, call, nth }: Position, kind: FaultKind): void {
    this.#plans[at].on(call, (this.#counted[at][call] ?? 0) + nth, faultOf(kind, call));
  }

  /** Resolves when the call is held. */
  isHeld({ at, call }: Position): Promise<void> {
    return this.#plans[at].isHeld(call);
  }

  /** The time of every call that waits is over. */
  expire(): void {
    for (const fire of [...this.#timers]) fire();
  }

  release(): void {
    for (const at of PLACES) this.#plans[at].release();
  }

  hasStruck(position: Position): boolean {
    return this.positions().some((made) => named(made) === named(position));
  }

  #counts(): Readonly<Record<Position['at'], Readonly<Partial<Record<VendorCall, number>>>>> {
    const of = (plan: FaultPlan): Partial<Record<VendorCall, number>> =>
      Object.fromEntries(OPERATIONS.map((call) => [call, plan.callsOf(call)]));
    return { m1: of(this.#plans.m1), m2: of(this.#plans.m2) };
  }
}

function faultOf(kind: FaultKind, call: VendorCall): Fault {
  const error = new BackendError('unavailable', `the call ${kind}`);
  switch (kind) {
    case 'fails':
      return { kind: 'fail', error };
    case 'hangs':
      return { kind: 'hang' };
    case 'answers late':
    case 'answers behind a rival':
      return { kind: 'delay' };
    case 'is cut':
      return { kind: call === 'get' ? 'cut-download' : 'cut-upload', bytes: 2, error };
    case 'arrives truncated':
      return { kind: 'truncate-upload', bytes: 2 };
    case 'loses its answer':
      return { kind: 'lose-answer', error };
  }
}
