/** A call as its caller saw it: when it began, when it was answered (never, if the caller died) and what. */
export interface Call<S> {
  readonly what: string;
  began: number;
  ended: number | undefined;
  answer: string | undefined;
  /** What the call does to a state that nobody else touches, and what it may answer. */
  readonly apply: (state: S) => { readonly state: S; readonly answers: readonly string[] };
}

/**
 * True when the calls can be put into an order, each at one instant between its beginning and its answer, in which every answer is right and the end is `end`
 * (linearizability). A call that was never answered may have happened at any time after it began, or not at all.
 */
export function isExplained<S>(calls: readonly Call<S>[], start: S, isEnd: (state: S) => boolean): boolean {
  const answered = calls.filter(({ ended }) => ended !== undefined);
  if (answered.length === 0 && isEnd(start)) return true;
  return calls.some((call) => {
    const isLate = answered.some((other) => other !== call && (other.ended ?? Infinity) < call.began);
    if (isLate) return false;
    const { state, answers } = call.apply(start);
    if (call.answer !== undefined && !answers.includes(call.answer)) return false;
    return isExplained(
      calls.filter((other) => other !== call),
      state,
      isEnd,
    );
  });
}
