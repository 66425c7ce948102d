import type { MemoryBackend, ObjectAttributes } from '#libs/backends';
import { MARKER_KEY, type JobReporter, type Report } from '../../src/index.js';

const CALL = { requestId: 'outside' };
export const PLAIN: ObjectAttributes = { headers: {}, metadata: {}, tags: {} };

/** Puts an object past Spumoni, as the vendor's own tools do. Answers its token. */
export async function putOutside(
  backend: MemoryBackend | undefined,
  container: string,
  at: { key: string; bytes: string; attributes?: Partial<ObjectAttributes> },
): Promise<string> {
  if (!backend) throw new Error('no such backend');
  const attributes = { ...PLAIN, ...at.attributes };
  const { token } = await backend.put(CALL, { container, key: at.key, body: Buffer.from(at.bytes), attributes });
  return token;
}

/** What the vendor's own tools see: the newest bytes of each key, the marker left out. */
export async function seenOutside(backend: MemoryBackend | undefined, container: string): Promise<Map<string, string>> {
  if (!backend) throw new Error('no such backend');
  const seen = new Map<string, string>();
  const page = await backend.list(CALL, { container, include: 'current', limit: 100_000 });
  for (const { key } of page.entries) {
    if (key === MARKER_KEY) continue;
    const { body } = await backend.get(CALL, { container, key });
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(chunk);
    seen.set(key, Buffer.concat(chunks).toString());
  }
  return seen;
}

/** Keeps the last checkpoint and all failures that a job reports; `wish` is what it is told. */
export class KeptReports implements JobReporter {
  readonly reports: Report[] = [];
  checkpoint: Report['checkpoint'];
  readonly failures: { key: string; reason: string }[] = [];

  constructor(private readonly wish: (report: Report) => 'run' | 'pause' | 'cancel' = () => 'run') {}

  report(report: Report): Promise<'run' | 'pause' | 'cancel'> {
    this.reports.push(report);
    if (report.checkpoint) this.checkpoint = report.checkpoint;
    this.failures.push(...(report.failures ?? []));
    return Promise.resolve(this.wish(report));
  }

  get last(): Report {
    const last = this.reports.at(-1);
    if (!last) throw new Error('nothing was reported');
    return last;
  }
}
