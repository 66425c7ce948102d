/** `npm run bench`: measures and writes docs/benchmarks.md. See bench/benchmark.ts. */
import '../scripts/typescript-source.mjs';

const { runBenchmarks } = await import('./benchmark.ts');
await runBenchmarks();
