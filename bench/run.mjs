/**
 * `npm run bench [-- part…]`: measures and writes docs/benchmarks.md, in some five minutes. With parts only those are measured, and only shown:
 *
 *   --main      the filesystem backend through /v1, beside MinIO
 *   --peers     the same beside Versity posix, rclone serve s3 and S3Proxy too; with --gateway also those as gateways
 *   --gateway   as a gateway before MinIO, beside MinIO itself
 *   --hanging   the p99 of a healthy backend while another hangs
 *
 * What is not installed is left out: `node test/servers/install.mjs --peers` installs MinIO and the peers.
 */
import '../scripts/typescript-source.mjs';

const { PARTS, runBenchmarks } = await import('./benchmark.ts');
const asked = process.argv.slice(2).map((argument) => argument.replace(/^--/, ''));
const unknown = asked.filter((part) => !PARTS.includes(part));
if (unknown.length > 0) {
  console.error(`there is no part ${unknown.join(', ')}: expected --${PARTS.join(', --')}`);
  process.exitCode = 1;
} else await runBenchmarks(asked.length === 0 ? PARTS : PARTS.filter((part) => asked.includes(part)));
