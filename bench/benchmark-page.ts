import { gatewaySection, hangingSection } from './gateway-page.js';
import type { Hanging } from './hanging.js';
import type { Row } from './row.js';

export interface Figures {
  readonly rows: readonly Row[];
  readonly machine: string;
  readonly names: readonly string[];
  readonly gateway: readonly Row[];
  readonly hanging: Hanging | undefined;
}

/** First goals of issue 3, acceptance 9: the rate as a multiple of MinIO's. */
const GOALS: Readonly<Record<string, number>> = {
  'PUT 1 KiB, durable': 1.5,
  'GET 1 KiB': 2,
  'PUT 64 MiB': 1,
  'GET 64 MiB': 0.7,
};

/** Goals of issue 4: server CPU, in µs an operation, or in seconds a GB for the large ones. */
const CPU_GOALS: Readonly<Record<string, number>> = {
  'PUT 1 KiB, durable': 200,
  'GET 1 KiB': 90,
  HEAD: 60,
  'PUT 64 MiB': 2.6,
  'GET 64 MiB': 0.5,
  'list of 1,000': 5_000,
  'list by delimiter, 1,000 prefixes': 2_000,
};

/** docs/benchmarks.md, made anew by each run. */
export function page(figures: Figures): string {
  const subjects = [...new Set(figures.rows.map((row) => row.subject))];
  const lines = figures.names.flatMap((name) => subjects.map((subject) => line(figures, name, subject)));
  return `# Benchmarks

Made by \`npm run bench\` on ${new Date().toISOString().slice(0, 10)}: ${figures.machine}, a shared and noisy machine, the client on the same two cores. Each figure is the median of three rounds (of one for the peers);
before them Spumoni and MinIO alike were sent small writes for 3 s, small reads for 8 s, HEAD for 4 s and each kind of listing for 3 s that are not counted;
ratios are taken within a round, then the median. Absolute figures are good to some 20 %; the ratios matter. CPU is that of the serving processes.

| measure | server | rate | p50 ms | p99 ms | server CPU | goal | of MinIO's rate | goal |
|---|---|---|---|---|---|---|---|---|
${lines.filter((text) => text !== '').join('\n')}

${[gatewaySection(figures.gateway), hangingSection(figures.hanging), EXPLANATION].filter((text) => text !== '').join('\n')}`;
}

function line({ rows }: Figures, measure: string, subject: string): string {
  const own = rows.filter((row) => row.measure === measure && row.subject === subject);
  if (own.length === 0) return '';
  const isBytes = own.some((row) => row.bytes > 0);
  const rate = median(own.map(rateOf));
  const cpu = median(
    own.map((row) => (isBytes ? row.cpuSeconds / (row.bytes / 1e9) : (row.cpuSeconds / row.requests) * 1e6)),
  );
  const ratio = subject.startsWith('Spumoni') ? ratioOf(rows, measure) : undefined;
  const goal = GOALS[measure];
  const cpuGoal = subject.startsWith('Spumoni') ? CPU_GOALS[measure] : undefined;
  const shown = [
    measure,
    subject,
    isBytes ? `${(rate / 1e6).toFixed(0)} MB/s` : `${rate.toFixed(0)}/s`,
    median(own.map((row) => row.p50Ms)).toFixed(1),
    median(own.map((row) => row.p99Ms)).toFixed(1),
    isBytes ? `${cpu.toFixed(2)} s a GB` : `${cpu.toFixed(0)} µs`,
    cpuGoal === undefined ? '' : `${cpuGoal} ${cpu <= cpuGoal ? 'met' : 'missed'}`,
    ratio === undefined ? '' : ratio.toFixed(2),
    ratio === undefined || goal === undefined ? '' : `${goal} ${ratio >= goal ? 'met' : 'missed'}`,
  ];
  return `| ${shown.join(' | ')} |`;
}

function rateOf(row: Row): number {
  return (row.bytes > 0 ? row.bytes : row.requests) / row.seconds;
}

function ratioOf(rows: readonly Row[], measure: string): number | undefined {
  const of = (name: string, round: number): Row | undefined =>
    rows.find((row) => row.measure === measure && row.subject.startsWith(name) && row.round === round);
  const rounds = [...new Set(rows.map((row) => row.round))];
  const ratios = rounds.flatMap((round) => {
    const [own, peer] = [of('Spumoni', round), of('MinIO', round)];
    return own && peer ? [rateOf(own) / rateOf(peer)] : [];
  });
  return ratios.length === 0 ? undefined : median(ratios);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

const EXPLANATION = `## What bounds each

Both servers and the client share two cores, so a rate is bounded by the CPU of all three together; the column "server CPU" is the steadier figure.
The disk is synced before each measure: some peers do not sync what they acknowledge, and whoever comes next would bear their writes.
Each measure of Spumoni and MinIO is of the steady state: a second of the same small requests goes before it, and as a gateway small requests are measured before large ones. Without that a process that has just taken large uploads and listings answers small requests at up to half as much CPU again for some 20,000 requests, until V8 has compiled its code anew.
In counts of \`--trace-deopt\` each round of large uploads made 46 to 108 optimised functions invalid, mostly because objects that their code names had died, and each listing 9 to 28 in the code of an answer. Keeping bytecode (\`--no-flush-bytecode\`) changed nothing; what would help is not found.

- **PUT 1 KiB.** The disk: each is durable before it is answered (file with O_DSYNC, its directory, the index). The directory is synced while the file is written, and writers that come at the same time share its sync and the index's commit.
  Half of the CPU is the kernel's (opening, writing and waiting for each file, waking threads, sockets); of the rest no function takes a fiftieth by itself. Counted: two turns of Node's thread pool a write (open, write), and a tenth to a fifth each of a sync of the directory and of a commit of the index, of which
  all writers of the moment share one. A thread of the pool goes to sleep seven to nine times a write: three times for the disk (the bytes, the inode, the flush of the disk's own cache), else for work and for the one lock around the pool's queue, which takes half of all calls to wake or to wait. Fewer threads change none of it.
  The file takes some 130 µs, of which 40 are of the thread that serves; the index's change 60 where ten writers share a commit, as here, and 30 where 32 do. Two processes take a fifth more a write than one: each syncs for fewer writers, and waits for the other's commit.
- **GET 1 KiB.** HTTP itself: a quarter is writing the answer, most of that the kernel's; an eighth is the file, a twelfth each the index and the credentials. A file that was written or read in the last two minutes is opened, read
  and checked at once, by the thread that serves, and answered without a promise ([ADR 20](adr/0020-what-is-at-hand-is-read-without-a-promise.md)); any other goes through the thread pool, so that a disk that hangs never stops the
  other backends. The pool takes up to twice the CPU: after reads that had to wait for the disk everything goes through it for half a minute, but not after reads in which the thread
  had to wait for a core.
- **A healthy backend while another hangs.** What is stuck costs the thread that serves nothing that can be measured (CPU of the thread between one GET and the next, 99th percentile: the same). What remains is the machine's own noise, which is why both are measured in turn.
- **HEAD.** HTTP itself: the answer comes from the index alone.
- **As a gateway, GET and PUT of 1 KiB.** HTTP twice, as a server and as a client, each way through Node's streams. One request to the vendor for each, over connections that are kept; no second look at what was written. A body that came along with its head is answered in one piece, as from a disk.
  The request to the vendor, from the call of the port to its answer, takes 50 to 75 µs in a settled process that makes nothing but such requests, 10,000 a second: 27 are undici's and the kernel's together (15 for a bare socket with none of undici's checks), 6 the signature's.
  The same call in the same process takes 120 to 170 µs when some 750 a second are made between the turns of other programs (machine at load 10, dense and sparse in turn, the timers taken off): code and data have left the processor's caches meanwhile. A GET from the disk, which is the
  rest of a gateway's, likewise takes 105 µs at 7,000 a second and 200 at 650. Those two are the whole of it: before a MinIO that has half the machine, requests come singly. Neither large pages for Node's code, nor other thresholds of V8's compilers, nor fewer copies of the vendor's headers
  could be told from the noise.
  A PUT has two durable changes of the index beside (intent and record), which writers that come at the same time share: at 32 connections one commit for some ten changes, so that to gather longer would gain little. To wait for less is no way: the intent is durable before a byte is sent.
  V8 is the rest: each process compiles for itself, and its first thousands of requests take up to twice the CPU of those after the first 10,000.
- **PUT 64 MiB.** Copying (out of the socket, out of Node's parser, for the hash, into the memory that the disk takes it from), MD5 and the disk. Nothing is copied into the page cache, which was a fifth and more
  ([ADR 24](adr/0024-large-bodies-go-past-the-cache.md)). MD5 runs on a thread beside the one that serves: 1.25 s of CPU a GB for a body alone, 0.7 for two that one process
  takes at once, 0.4 for four ([ADR 19](adr/0019-md5-of-several-streams-at-once.md)). With two cores shared by server and client there is no core left for it to run on for free.
  The young part of the heap is collected after each 16 MiB, and the whole when buffers have grown old: left to itself V8 marks the whole heap after each 64 MiB of buffers, which took a third of the CPU, and more the longer a process ran.
- **GET 64 MiB.** The disk, and copying into the socket, from two reused buffers of 1 MiB. An object that is read for the first time comes past the page cache, which costs no more CPU than a copy out of it; from the fifth time on it comes out of it ([ADR 24](adr/0024-large-bodies-go-past-the-cache.md)).
- **list of 1,000.** Writing the answer: half is JSON and the kernel's copying of it. The index takes a third: one cursor, and of each record only the seven values that are shown are read, straight from the stored bytes.
- **list by delimiter.** The index, and HTTP. Keys are folded without decoding their documents, and one cursor serves the whole page, documents included; where prefixes have many keys it seeks past each, which takes 4.5 ms a page.

The index by itself (\`bench/object-index.ts\`, one process): 1,000 common prefixes over 1,000,000 keys in 5.6 ms on a machine at load 2, 7.1 ms at load 6 (goal: under 10 ms); 13,500 durable changes a second from 32 writers at load 2.
`;
