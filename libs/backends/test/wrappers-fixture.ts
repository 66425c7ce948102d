import { BackendError, createMemoryBackend } from '../src/index.js';
import type {
  BackendErrorKind,
  Call,
  MemoryBackend,
  ObjectAttributes,
  PutRequest,
  Timers,
  TokenKind,
} from '../src/index.js';

export const CALL: Call = { requestId: 'wrappers' };
export const CONTAINER = 'spumoni-wrapped';
const PLAIN: ObjectAttributes = { headers: {}, metadata: {}, tags: {} };

export function failed(kind: BackendErrorKind, retryAfterMs?: number): BackendError {
  return new BackendError(kind, `planned: ${kind}`, retryAfterMs === undefined ? {} : { retryAfterMs });
}

/** A memory backend with one container. */
export async function memory(tokens: TokenKind = 'version'): Promise<MemoryBackend> {
  const backend = createMemoryBackend({ name: 'memory', tokens });
  await backend.createContainer(CALL, { container: CONTAINER });
  return backend;
}

export function write(key: string, text: string, extra: Partial<PutRequest> = {}): PutRequest {
  const body = Buffer.from(text);
  return {
    container: CONTAINER,
    key,
    body,
    size: body.length,
    attributes: { ...PLAIN, writeId: `id-of-${text}` },
    ...extra,
  };
}

export async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** Timers that fire only when a test says that time has passed. */
export class ManualTimers implements Timers {
  private now = 0;
  private readonly waiting = new Set<{ at: number; fire: () => void }>();

  start(fire: () => void, ms: number): () => void {
    const timer = { at: this.now + ms, fire };
    this.waiting.add(timer);
    return () => this.waiting.delete(timer);
  }

  get running(): number {
    return this.waiting.size;
  }

  pass(ms: number): void {
    this.now += ms;
    for (const timer of [...this.waiting].filter(({ at }) => at <= this.now)) {
      this.waiting.delete(timer);
      timer.fire();
    }
  }
}
