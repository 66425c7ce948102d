import type { Progress } from '#libs/backup';
import { terminal } from '../terminal.js';

const EVERY_MS = 1_000;
const WORDS = { reading: 'read', checking: 'checked', writing: 'written' } as const;
const MEBIBYTE = 1024 * 1024;

/** Says once a second how far a command is, how fast it goes, and how long it will take. */
export class ProgressLine {
  #phase: Progress['phase'] | undefined;
  #since = 0;
  #toldAt = 0;

  tell(progress: Progress): void {
    const now = performance.now();
    if (progress.phase !== this.#phase) {
      this.#phase = progress.phase;
      this.#since = this.#toldAt = now;
      return;
    }
    const isOver = progress.done === progress.total;
    if (now - this.#toldAt < EVERY_MS && !isOver) return;
    this.#toldAt = now;
    terminal.say(`  ${lineOf(progress, (now - this.#since) / 1_000)}`);
  }
}

/** For example `1,200,000 of 3,000,000 keys written, 60,000 a second, 30 s left`. */
function lineOf({ phase, unit, done, total }: Progress, seconds: number): string {
  const amount = unit === 'bytes' ? mebibytes : (count: number) => count.toLocaleString('en');
  const rate = seconds > 0 ? done / seconds : 0;
  const of = total === undefined ? '' : ` of ${amount(total)}`;
  const left =
    total === undefined || rate === 0 ? '' : `, ${Math.ceil((total - done) / rate).toLocaleString('en')} s left`;
  return `${amount(done)}${of}${unit === 'keys' ? ' keys' : ''} ${WORDS[phase]}, ${amount(Math.round(rate))} a second${left}`;
}

export function mebibytes(bytes: number): string {
  return `${(bytes / MEBIBYTE).toFixed(1)} MiB`;
}
