/** What a client sees of the object; null: there is none. */
export type Seen = { readonly content: string; readonly color: string } | null;

/** One operation as its client saw it: when it began and ended (by one counter over all), and what it makes of the object, or that it could not have been answered so. */
export interface Step {
  readonly what: string;
  readonly began: number;
  readonly ended: number;
  /** `impossible`: no operation so answered can stand at this point of the order. */
  readonly apply: (before: Seen) => Seen | 'impossible';
}

/** A stretch of history between two moments when nothing was under way. */
export interface Stretch {
  /** What the object was at the beginning: one of these. */
  readonly from: readonly Seen[];
  /** The answered operations of each client, in its own order. */
  readonly clients: readonly (readonly Step[])[];
  /** Operations that ended in neither success nor definite failure, now or in an earlier stretch: each may take effect once, at any time after it began, or never. */
  readonly unknown: readonly Step[];
}

interface State {
  readonly next: readonly number[];
  readonly taken: number;
  readonly seen: Seen;
}

/**
 * Everything the object may be at the end: the outcomes of every order of the operations in which each stands after all that had ended before it began, and each answer is right where it
 * stands (linearizability, Herlihy and Wing 1990). Empty: no such order exists, so some answer was a lie. The work grows with the product of the clients' operations.
 */
export function outcomesOf(stretch: Stretch): Seen[] {
  const outcomes = new Map<string, Seen>();
  const visited = new Set<string>();
  const open: State[] = stretch.from.map((seen) => ({ next: stretch.clients.map(() => 0), taken: 0, seen }));
  for (let state = open.pop(); state; state = open.pop()) {
    const name = JSON.stringify(state);
    if (visited.has(name)) continue;
    visited.add(name);
    if (state.next.every((at, client) => at === stretch.clients[client]?.length))
      outcomes.set(JSON.stringify(state.seen), state.seen);
    open.push(...followers(stretch, state));
  }
  return [...outcomes.values()];
}

function* followers({ clients, unknown }: Stretch, state: State): Generator<State> {
  const waiting = state.next.flatMap((at, client) => clients[client]?.[at] ?? []);
  const mayStandNext = (step: Step): boolean => waiting.every((other) => other === step || other.ended > step.began);
  for (const [client, at] of state.next.entries()) {
    const step = clients[client]?.[at];
    if (!step || !mayStandNext(step)) continue;
    const seen = step.apply(state.seen);
    if (seen !== 'impossible') yield { ...state, next: state.next.with(client, at + 1), seen };
  }
  for (const [index, step] of unknown.entries()) {
    const bit = 1 << index;
    if (state.taken & bit || !mayStandNext(step)) continue;
    const seen = step.apply(state.seen);
    if (seen !== 'impossible') yield { ...state, taken: state.taken | bit, seen };
  }
}

export function describeSteps(stretch: Stretch): string {
  const line = ({ what, began, ended }: Step): string => `${began}-${ended} ${what}`;
  const clients = stretch.clients.map((steps, client) => `client ${client}: ${steps.map(line).join('; ')}`);
  return [`from ${JSON.stringify(stretch.from)}`, ...clients, `unknown: ${stretch.unknown.map(line).join('; ')}`].join(
    '\n',
  );
}
