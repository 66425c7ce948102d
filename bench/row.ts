import type { LoadResult } from './http-load.js';

/** What one measure of one subject in one round came to. */
export interface Row extends LoadResult {
  readonly measure: string;
  readonly subject: string;
  readonly round: number;
  /** Content moved; 0 where operations count. */
  readonly bytes: number;
  readonly cpuSeconds: number;
  /** Of what lies beneath a gateway. */
  readonly cpuSecondsBeneath?: number;
}
