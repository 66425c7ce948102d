import { randomBytes } from 'node:crypto';
import { cpus, totalmem, release } from 'node:os';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cpuSecondsOf } from './cpu-time.js';
import { runLoad, type PreparedRequest } from './http-load.js';
import { minioSubject, spumoniSubject, type Subject } from './subjects.js';
import { page, type Row } from './benchmark-page.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const ROUNDS = 3;
const CONNECTIONS = 32;

/** One thing that is measured, of any subject. */
interface Measure {
  readonly name: string;
  readonly connections: number;
  /** Bytes of content moved by each request; 0 where operations count, not bytes. */
  readonly bytes: number;
  /** How long it is run unmeasured before the first round, so that both servers are past their first compilations and caches. */
  readonly warmUpSeconds: number;
  requests(subject: Subject, round: number): PreparedRequest[];
}

const small = randomBytes(KIB);
const large = randomBytes(64 * MIB);
const SMALL_PUTS = 6_000;
const SMALL_GETS = 40_000;
const LARGE = 12;

const measures: readonly Measure[] = [
  {
    name: 'PUT 1 KiB, durable',
    connections: CONNECTIONS,
    bytes: 0,
    warmUpSeconds: 8,
    requests: (s, round) => count(SMALL_PUTS, (i) => s.prepare('PUT', `small/r${round}/o${pad(i)}`, small)),
  },
  {
    name: 'GET 1 KiB',
    connections: CONNECTIONS,
    bytes: 0,
    warmUpSeconds: 8,
    requests: (s, round) =>
      count(SMALL_GETS, (i) => s.prepare('GET', `small/r${round}/o${pad((i * 7919) % SMALL_PUTS)}`)),
  },
  {
    name: 'HEAD',
    connections: CONNECTIONS,
    bytes: 0,
    warmUpSeconds: 8,
    requests: (s, round) =>
      count(SMALL_GETS, (i) => s.prepare('HEAD', `small/r${round}/o${pad((i * 7919) % SMALL_PUTS)}`)),
  },
  {
    name: 'PUT 64 MiB',
    connections: 4,
    bytes: large.length,
    warmUpSeconds: 2,
    requests: (s, round) => count(LARGE, (i) => s.prepare('PUT', `large/r${round}/o${i}`, large)),
  },
  {
    name: 'GET 64 MiB',
    connections: 4,
    bytes: large.length,
    warmUpSeconds: 2,
    requests: (s, round) => count(LARGE * 2, (i) => s.prepare('GET', `large/r${round}/o${i % LARGE}`)),
  },
  {
    name: 'list of 1,000',
    connections: 4,
    bytes: 0,
    warmUpSeconds: 8,
    requests: (s, round) => count(200, () => s.prepareList({ prefix: `small/r${round}/` })),
  },
];

function count<T>(length: number, make: (i: number) => T): T[] {
  return Array.from({ length }, (_, i) => make(i));
}

function pad(i: number): string {
  return String(i).padStart(6, '0');
}

/** Runs every measure on every subject, in turn, three rounds, and writes docs/benchmarks.md; ratios are taken within a round, then the median. */
export async function runBenchmarks(): Promise<void> {
  const subjects = [await spumoniSubject()];
  const rows: Row[] = [];
  try {
    const minio = await minioSubject();
    if (minio) subjects.push(minio);
    for (const measure of measures) {
      for (const subject of subjects) await warmUp(measure, subject);
    }
    for (let round = 1; round <= ROUNDS; round += 1) {
      for (const measure of measures) {
        for (const subject of subjects) rows.push(await measureOnce(measure, subject, round));
      }
    }
  } finally {
    await Promise.all(subjects.map((subject) => subject.stop()));
  }
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown CPU'}, ${Math.round(totalmem() / MIB / KIB)} GiB, Linux ${release()}, Node ${process.version}`;
  await writeFile(
    join(import.meta.dirname, '..', 'docs', 'benchmarks.md'),
    page({ rows, machine, names: measures.map((m) => m.name) }),
  );
}

/** All requests of round 0, again and again until its time is over. */
async function warmUp(measure: Measure, subject: Subject): Promise<void> {
  const { host, port } = subject;
  const { connections } = measure;
  const until = performance.now() + measure.warmUpSeconds * 1000;
  do {
    const requests = measure.requests(subject, 0);
    await runLoad({ host, port, connections, requests, maxSeconds: 60, expectStatus: 200 });
  } while (performance.now() < until);
}

async function measureOnce(measure: Measure, subject: Subject, round: number): Promise<Row> {
  const requests = measure.requests(subject, round);
  const pids = await subject.pids();
  const before = cpuSecondsOf(pids);
  const result = await runLoad({
    host: subject.host,
    port: subject.port,
    connections: measure.connections,
    requests,
    maxSeconds: 60,
    expectStatus: 200,
  });
  const cpuSeconds = cpuSecondsOf(pids) - before;
  const row: Row = {
    measure: measure.name,
    subject: subject.name,
    round,
    bytes: measure.bytes * result.requests,
    cpuSeconds,
    ...result,
  };
  process.stdout.write(`${JSON.stringify(row)}\n`);
  return row;
}
