import type { Stage } from './stage.js';

/** One promise of the port. A case asks the capabilities which promise holds, and checks the refusal where one is not given. */
export interface ConformanceCase {
  /** Stable: gaps name it. */
  readonly id: string;
  readonly title: string;
  readonly timeoutMs?: number;
  run(stage: Stage): Promise<void>;
}
