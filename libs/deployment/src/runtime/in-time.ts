import type { Clock } from '#libs/objects';

/** The answer if it comes within so many milliseconds, else false: a part that neither answers nor fails is as good as away. */
export async function inTime(clock: Clock, ms: number, answer: Promise<boolean>): Promise<boolean> {
  const answered = new AbortController();
  const late = clock.sleep(ms, answered.signal).then(
    () => false,
    () => false,
  );
  try {
    return await Promise.race([answer, late]);
  } finally {
    answered.abort();
  }
}
