/**
 * A lock between processes of one machine that a killed holder cannot leave behind.
 *
 * Each contender puts down a ticket named by its pid, then looks: it enters only if no other living process has one. Whoever
 * comes second sees the first, so two never enter. The lowest pid keeps its ticket while waiting and the others withdraw
 * theirs, so somebody always gets in. A ticket's name is its owner's alone, so sweeping a dead one cannot take a living lock.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const pauseMs = 50;

function alive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code !== 'ESRCH';
  }
}

function othersIn(directory) {
  const others = [];
  for (const name of readdirSync(directory)) {
    const pid = Number(name);
    if (pid === process.pid) continue;
    if (alive(pid)) others.push(pid);
    else rmSync(join(directory, name), { force: true });
  }
  return others;
}

function pause() {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pauseMs);
}

/** Runs `work` (synchronous) while no other process does; waits up to `waitMs`, then throws and names the holder. */
export function oneAtATime(directory, waitMs, work) {
  mkdirSync(directory, { recursive: true });
  const ticket = join(directory, String(process.pid));
  const deadline = Date.now() + waitMs;
  for (;;) {
    writeFileSync(ticket, '');
    const others = othersIn(directory);
    if (others.length === 0) break;
    if (others.some((pid) => pid < process.pid)) rmSync(ticket, { force: true });
    if (Date.now() > deadline) {
      rmSync(ticket, { force: true });
      throw new Error(
        `waited ${waitMs / 1000} s for process ${others.join(', ')}; if it is not ours, delete ${directory}`,
      );
    }
    pause();
  }
  try {
    return work();
  } finally {
    rmSync(ticket, { force: true });
  }
}
