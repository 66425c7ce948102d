import { readFile } from 'node:fs/promises';

const EVERY_MS = 100;

/** Samples a process's anonymous memory (RssAnon of /proc) ten times a second until it is stopped, which answers the peak in bytes. */
export function memoryWatch(pid: number): { stop(): Promise<number> } {
  let peak = 0;
  let going = true;
  const sample = async (): Promise<void> => {
    while (going) {
      peak = Math.max(peak, await anonymousBytes(pid));
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  };
  const done = sample();
  // Asked for at the stop.
  done.catch(() => undefined);
  return {
    stop: async () => {
      going = false;
      await done;
      return peak;
    },
  };
}

async function anonymousBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const [, kibibytes] = /^RssAnon:\s+(\d+) kB$/m.exec(status) ?? [];
  if (kibibytes === undefined) throw new Error(`/proc/${pid}/status has no RssAnon`);
  return Number(kibibytes) * 1024;
}
