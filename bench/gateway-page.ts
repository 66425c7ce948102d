import type { Row } from './row.js';
import type { Hanging } from './hanging.js';

/** Goals of issue 4: what a gateway may add, in CPU µs an operation. */
const ADDED_GOALS: Readonly<Record<string, number>> = { 'GET 1 KiB': 200, 'PUT 1 KiB, durable': 300 };
const HANGING_GOAL = 1.5;

/** Before one and the same MinIO: what each gateway costs, and what MinIO spends beneath it. */
export function gatewaySection(rows: readonly Row[]): string {
  if (rows.length === 0) return '';
  const measures = [...new Set(rows.map((row) => row.measure))];
  const subjects = [...new Set(rows.map((row) => row.subject))];
  const lines = measures.flatMap((measure) => subjects.map((subject) => line(rows, measure, subject)));
  return `## As a gateway before MinIO

One MinIO, asked directly and through each gateway, all on the same two cores with the client. "Added" is the CPU of the gateway's own processes; "MinIO beneath" is what MinIO spends on the same operation, to be compared with
"MinIO itself": through Spumoni it keeps versions, which cost it a little more. Before the first round Spumoni and MinIO were sent small writes for 3 s and small reads for 8 s; the large ones are measured last, and once.

| measure | server | rate | p50 ms | p99 ms | added | MinIO beneath | goal |
|---|---|---|---|---|---|---|---|
${lines.filter((text) => text !== '').join('\n')}
`;
}

function line(rows: readonly Row[], measure: string, subject: string): string {
  const own = rows.filter((row) => row.measure === measure && row.subject === subject);
  if (own.length === 0) return '';
  const isBytes = own.some((row) => row.bytes > 0);
  const each = (seconds: (row: Row) => number): number =>
    median(own.map((row) => (isBytes ? seconds(row) / (row.bytes / 1e9) : (seconds(row) / row.requests) * 1e6)));
  const isGateway = own.some((row) => row.cpuSecondsBeneath !== undefined);
  const shown = (value: number): string => (isBytes ? `${value.toFixed(2)} s a GB` : `${value.toFixed(0)} µs`);
  const added = each((row) => row.cpuSeconds);
  const goal = subject.startsWith('Spumoni') ? ADDED_GOALS[measure] : undefined;
  const rate = median(own.map((row) => (isBytes ? row.bytes : row.requests) / row.seconds));
  const cells = [
    measure,
    subject,
    isBytes ? `${(rate / 1e6).toFixed(0)} MB/s` : `${rate.toFixed(0)}/s`,
    median(own.map((row) => row.p50Ms)).toFixed(1),
    median(own.map((row) => row.p99Ms)).toFixed(1),
    isGateway ? shown(added) : '',
    shown(isGateway ? each((row) => row.cpuSecondsBeneath ?? 0) : added),
    goal === undefined ? '' : `${goal} µs ${added <= goal ? 'met' : 'missed'}`,
  ];
  return `| ${cells.join(' | ')} |`;
}

export function hangingSection(hanging: Hanging | undefined): string {
  if (!hanging) return '';
  const { free, during, stuck, pairs } = hanging;
  const ratio = during / free;
  return `## A healthy backend while another hangs

The 99th percentile of a GET of 1 KiB by four clients, the least of ${pairs} runs of 1,500 each, in turn: ${free.toFixed(2)} ms with nothing else, ${during.toFixed(2)} ms with ${stuck} requests stuck on another backend: ${ratio.toFixed(2)} times
(goal: ${HANGING_GOAL} times, ${ratio <= HANGING_GOAL ? 'met' : 'missed'}).
`;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
