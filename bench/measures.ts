import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import type { Row } from './row.js';
import { cpuSecondsOf } from './cpu-time.js';
import { runLoad, type PreparedRequest } from './http-load.js';
import type { Subject } from './subject.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const CONNECTIONS = 32;
const SMALL_PUTS = 6_000;
const SMALL_GETS = 12_000;
const LARGE = 12;
const PREFIXES = 1_000;
/** Some answer a list a hundred times slower than others: it is asked for no longer than this. */
const LIST_SECONDS = 3;
const MOST_SECONDS = 60;

/** One thing that is measured, of any subject. */
export interface Measure {
  readonly name: string;
  readonly connections: number;
  /** Bytes of content moved by each request; 0 where operations count, not bytes. */
  readonly bytes: number;
  readonly maxSeconds?: number;
  /** For about how long it is sent unmeasured before all rounds, so that compilers and caches are settled. */
  readonly warmUpSeconds?: number;
  /** Sent before the first round, and not measured. */
  readonly before?: (subject: Subject) => PreparedRequest[];
  requests(subject: Subject, round: number): PreparedRequest[];
}

const small = randomBytes(KIB);
const large = randomBytes(64 * MIB);

export const PUT_SMALL: Measure = {
  name: 'PUT 1 KiB, durable',
  connections: CONNECTIONS,
  bytes: 0,
  warmUpSeconds: 3,
  requests: (s, round) => count(SMALL_PUTS, (i) => s.prepare('PUT', `small/r${round}/o${pad(i)}`, small)),
};

export const GET_SMALL: Measure = {
  name: 'GET 1 KiB',
  connections: CONNECTIONS,
  bytes: 0,
  warmUpSeconds: 8,
  requests: (s, round) =>
    count(SMALL_GETS, (i) => s.prepare('GET', `small/r${round}/o${pad((i * 7919) % SMALL_PUTS)}`)),
};

export const PUT_LARGE: Measure = {
  name: 'PUT 64 MiB',
  connections: 4,
  bytes: large.length,
  requests: (s, round) => count(LARGE, (i) => s.prepare('PUT', `large/r${round}/o${i}`, large)),
};

export const GET_LARGE: Measure = {
  name: 'GET 64 MiB',
  connections: 4,
  bytes: large.length,
  requests: (s, round) => count(LARGE * 2, (i) => s.prepare('GET', `large/r${round}/o${i % LARGE}`)),
};

export const MEASURES: readonly Measure[] = [
  PUT_SMALL,
  GET_SMALL,
  {
    name: 'HEAD',
    connections: CONNECTIONS,
    bytes: 0,
    warmUpSeconds: 4,
    requests: (s, round) =>
      count(SMALL_GETS, (i) => s.prepare('HEAD', `small/r${round}/o${pad((i * 7919) % SMALL_PUTS)}`)),
  },
  PUT_LARGE,
  GET_LARGE,
  {
    name: 'list of 1,000',
    connections: 4,
    bytes: 0,
    maxSeconds: LIST_SECONDS,
    warmUpSeconds: 3,
    requests: (s, round) => count(200, () => s.prepareList({ prefix: `small/r${round}/` })),
  },
  {
    name: 'list by delimiter, 1,000 prefixes',
    connections: 4,
    bytes: 0,
    maxSeconds: LIST_SECONDS,
    warmUpSeconds: 3,
    before: (s) => count(2 * PREFIXES, (i) => s.prepare('PUT', `folders/f${pad(i >> 1)}/o${i & 1}`, small)),
    requests: (s) => count(400, () => s.prepareList({ prefix: 'folders/', delimiter: '/' })),
  },
];

function count<T>(length: number, make: (i: number) => T): T[] {
  return Array.from({ length }, (_, i) => make(i));
}

function pad(i: number): string {
  return String(i).padStart(6, '0');
}

/** Sends all requests of round 0, again and again until the time that the measure asks for is over, or at most so many seconds. */
export async function warmUp(
  measure: Measure,
  subject: Subject,
  mostSeconds = Number.POSITIVE_INFINITY,
): Promise<void> {
  if (measure.warmUpSeconds === undefined) return;
  const { host, port } = subject;
  const { connections } = measure;
  const until = performance.now() + Math.min(mostSeconds, measure.warmUpSeconds) * 1000;
  do {
    const requests = measure.requests(subject, 0);
    await runLoad({ host, port, connections, requests, maxSeconds: MOST_SECONDS, expectStatus: 200 });
  } while (performance.now() < until);
}

/** Writes down what earlier measures left in the page cache: some subjects do not sync, and the disk would do their work in the time of whoever comes next. */
async function settleDisk(): Promise<void> {
  await promisify(execFile)('sync');
}

/** Measures it once, and says so in a line of JSON. */
export async function measureOnce(measure: Measure, subject: Subject, round: number): Promise<Row> {
  const load = { host: subject.host, port: subject.port, maxSeconds: MOST_SECONDS, expectStatus: 200 };
  if (round === 1 && measure.before)
    await runLoad({ ...load, connections: CONNECTIONS, requests: measure.before(subject) });
  const requests = measure.requests(subject, round);
  await settleDisk();
  const pids = await subject.pids();
  const before = cpuSecondsOf(pids);
  const beneath = subject.beneath === undefined ? 0 : cpuSecondsOf([subject.beneath]);
  const result = await runLoad({
    ...load,
    connections: measure.connections,
    requests,
    maxSeconds: measure.maxSeconds ?? MOST_SECONDS,
  });
  const row: Row = {
    measure: measure.name,
    subject: subject.name,
    round,
    bytes: measure.bytes * result.requests,
    cpuSeconds: cpuSecondsOf(pids) - before,
    ...(subject.beneath === undefined ? {} : { cpuSecondsBeneath: cpuSecondsOf([subject.beneath]) - beneath }),
    ...result,
  };
  process.stdout.write(`${JSON.stringify(row)}\n`);
  return row;
}
