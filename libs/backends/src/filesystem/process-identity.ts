import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { z } from 'zod';
import { codeOf } from './errors.js';

/** What tells a process from all others, also after its pid was given again. Parts that a system does not tell are empty, or 0. */
export const processShape = z.object({
  host: z.string(),
  /** The machine, whatever it is called; containers often have none. */
  machine: z.string(),
  /** The run of the kernel. */
  boot: z.string(),
  /** Where the pid holds: each container counts its own. */
  pidNamespace: z.string(),
  pid: z.number().int(),
  /** In clock ticks since the boot. */
  startTime: z.number(),
});
export type ProcessIdentity = z.infer<typeof processShape>;

async function orElse<T>(reading: Promise<T>, otherwise: T): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'ENOTDIR'].includes(codeOf(error) ?? '')) return otherwise;
    throw error;
  }
}

/** What of /proc/<pid>/stat tells whether a process runs: its fields 3, 20 and 22. */
export interface ProcessStat {
  readonly state: string;
  readonly threads: number;
  readonly startTime: number;
}

/** Reads a line of /proc/<pid>/stat (proc_pid_stat(5)). The name in it may hold anything but ends at the last `)`. */
export function parseStat(stat: string): ProcessStat {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', threads: Number(fields[17] ?? 0), startTime: Number(fields[19] ?? 0) };
}

/**
 * True if no thread of it runs any instruction any more. A process that was killed is a zombie as soon as its first thread has ended, while others may still be inside the system: a rename or the making of a file that waits for the disk
 * happens yet, and whoever looked for its files before that would miss it.
 */
export function hasEnded({ state, threads }: ProcessStat): boolean {
  return (state === 'Z' || state === 'X') && threads <= 1;
}

async function statOf(pid: number | 'self'): Promise<ProcessStat | undefined> {
  const stat = await orElse(readFile(`/proc/${pid}/stat`, 'utf8'), undefined);
  return stat === undefined ? undefined : parseStat(stat);
}

/** This process. Without /proc (macOS) start, boot and namespace are unknown. */
export async function ownIdentity(): Promise<ProcessIdentity> {
  const [machine, boot, pidNamespace, stat] = await Promise.all([
    orElse(readFile('/etc/machine-id', 'utf8'), ''),
    orElse(readFile('/proc/sys/kernel/random/boot_id', 'utf8'), ''),
    orElse(readlink('/proc/self/ns/pid'), ''),
    statOf('self'),
  ]);
  return {
    host: hostname(),
    machine: machine.trim(),
    boot: boot.trim(),
    pidNamespace,
    pid: process.pid,
    startTime: stat?.startTime ?? 0,
  };
}

/**
 * Whether a process lives, as far as this one can see: `unknown` for one of another machine or of another container. A process of the same machine that ran before
 * its last boot is dead.
 */
export async function lifeOf(other: ProcessIdentity, self: ProcessIdentity): Promise<'alive' | 'dead' | 'unknown'> {
  if (other.host !== self.host) return 'unknown';
  if (other.boot !== self.boot) return self.machine !== '' && other.machine === self.machine ? 'dead' : 'unknown';
  if (other.pidNamespace !== self.pidNamespace) return 'unknown';
  if (self.startTime === 0) return takesSignals(other.pid) ? 'alive' : 'dead';
  const stat = await statOf(other.pid);
  if (stat === undefined || hasEnded(stat)) return 'dead';
  return stat.startTime === other.startTime ? 'alive' : 'dead';
}

function takesSignals(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return false;
    if (codeOf(error) === 'EPERM') return true;
    throw error;
  }
}
