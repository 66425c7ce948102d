import { cpus, release, totalmem } from 'node:os';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { page } from './benchmark-page.js';
import type { Row } from './row.js';
import { gatewayRows } from './gateway.js';
import { measureHanging, type Hanging } from './hanging.js';
import { measureOnce, MEASURES, warmUp } from './measures.js';
import { measurePeer, peerSubjects } from './peers.js';
import type { Subject } from './subject.js';
import { minioSubject, spumoniSubject } from './subjects.js';

const ROUNDS = 3;
/** So often are peers measured: they are there to compare with, not to be known exactly. */
const ROUNDS_OF_PEERS = 1;
/** A warm-up before each later round. */
const SECONDS_AGAIN = 1;
const GIB = 1024 ** 3;

/** What can be measured by itself. */
export const PARTS = ['main', 'peers', 'gateway', 'hanging'] as const;
export type Part = (typeof PARTS)[number];

/**
 * Measures these parts. All of them together, which take about five minutes, are written to docs/benchmarks.md; fewer are only shown.
 * Three rounds; within each, every measure of every subject in turn, so that ratios taken within a round are of the same minute.
 */
export async function runBenchmarks(parts: readonly Part[]): Promise<void> {
  const has = (part: Part): boolean => parts.includes(part);
  const rows = has('main') || has('peers') ? await mainRows(has('peers')) : [];
  const gateway = has('gateway') ? await gatewayRows(ROUNDS, has('peers') ? ROUNDS_OF_PEERS : 0) : [];
  const hanging: Hanging | undefined = has('hanging') ? await measureHanging() : undefined;
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown CPU'}, ${Math.round(totalmem() / GIB)} GiB, Linux ${release()}, Node ${process.version}`;
  const text = page({ rows, machine, names: MEASURES.map((m) => m.name), gateway, hanging });
  if (PARTS.every(has)) await writeFile(join(import.meta.dirname, '..', 'docs', 'benchmarks.md'), text);
  else process.stdout.write(text);
}

async function mainRows(withPeers: boolean): Promise<Row[]> {
  const subjects: Subject[] = [await spumoniSubject()];
  let peers: readonly Subject[] = [];
  const rows: Row[] = [];
  try {
    const minio = await minioSubject();
    if (minio) subjects.push(minio);
    if (withPeers) peers = await peerSubjects();
    for (const measure of MEASURES) for (const subject of subjects) await warmUp(measure, subject);
    for (let round = 1; round <= ROUNDS; round += 1)
      for (const measure of MEASURES) {
        for (const subject of subjects) {
          // What came between has cost a process some of what it had learned of this load: the steady state is measured.
          if (round > 1) await warmUp(measure, subject, SECONDS_AGAIN);
          rows.push(await measureOnce(measure, subject, round));
        }
        if (round <= ROUNDS_OF_PEERS) for (const peer of peers) rows.push(...(await measurePeer(measure, peer, round)));
      }
  } finally {
    await Promise.all([...subjects, ...peers].map((subject) => subject.stop()));
  }
  return rows;
}
