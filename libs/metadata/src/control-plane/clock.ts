/** Time, injected. `now` is milliseconds since the epoch, for people; `monotonic` is milliseconds that never go back, for ages. */
export interface ControlPlaneClock {
  now(): number;
  monotonic(): number;
}

export const SYSTEM_CLOCK: ControlPlaneClock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};
