import { randomFillSync } from 'node:crypto';
import type { GetRequest, GetResult, MemoryBackend, TokenKind } from '#libs/backends';
import type { BucketDocument, ObjectRecord } from '#libs/metadata';
import {
  createBucket,
  isObjectsError,
  openObject,
  putObject,
  type ObjectsErrorCode,
  type RangeRequest,
} from '../../src/index.js';
import { ACTOR, makePlatform, type Platform, type PlatformOptions } from './platform.js';

/** Two backends of a token kind, and what a test of sealed objects does there. */
export class SealedObjects {
  readonly platform: Platform;
  /** Changes what backends give of objects' bytes. */
  meddle: ((bytes: Buffer, request: GetRequest) => Buffer) | undefined;
  /** How many bytes backends say that an object has. */
  claimedSize: number | undefined;
  /** Every request for an object's bytes. */
  readonly gets: GetRequest[] = [];

  constructor(tokens: TokenKind, options: Partial<PlatformOptions> = {}) {
    this.platform = makePlatform({ tokens: { m1: tokens, m2: tokens }, ...options });
    const { backends } = this.platform.engine;
    const open = backends.open.bind(backends);
    Object.assign(backends, { open: async (id: string) => this.#meddled((await open(id)) as MemoryBackend) });
  }

  async makeBucket(name: string, encrypted: boolean, backend = 'm1'): Promise<BucketDocument> {
    return (await createBucket(this.platform.engine, ACTOR, { name, backend, encrypted })).bucket;
  }

  async write(bucket: BucketDocument, key: string, bytes: Uint8Array): Promise<ObjectRecord> {
    const attributes = { headers: {}, metadata: { of: key }, tags: {} };
    const put = { bucket, key, body: bytes, expected: {}, attributes };
    return (await putObject(this.platform.engine, ACTOR, put)).record;
  }

  async read(bucket: BucketDocument, key: string, range?: RangeRequest): Promise<Read> {
    const parts: Buffer[] = [];
    try {
      const read = { bucket, key, transientChunks: true, ...(range ? { range } : {}) };
      const opened = await openObject(this.platform.engine, ACTOR, read);
      for await (const chunk of opened.body) parts.push(Buffer.from(chunk));
      return { bytes: Buffer.concat(parts), code: 'done' };
    } catch (error) {
      if (!isObjectsError(error)) throw error;
      return { bytes: Buffer.concat(parts), code: error.code };
    }
  }

  async record(bucket: BucketDocument, key: string): Promise<ObjectRecord> {
    const found = await this.platform.index.getKey({ bucket: bucket.id, key });
    if (!found?.value.current) throw new Error(`no record of ${key}`);
    return found.value.current;
  }

  /** What lies at the vendor, byte for byte. */
  async stored({ placement }: ObjectRecord): Promise<Buffer> {
    const { body } = await this.backend(placement.backend).get(ACTOR, placement);
    const all: Uint8Array[] = [];
    for await (const chunk of body) all.push(Buffer.from(chunk));
    return Buffer.concat(all);
  }

  backend(id: string): MemoryBackend {
    const found = this.platform.backends[id];
    if (!found) throw new Error(`no backend ${id}`);
    return found;
  }

  #meddled(backend: MemoryBackend): MemoryBackend {
    const get = async (...[call, request]: Parameters<MemoryBackend['get']>): Promise<GetResult> => {
      if (!request.key.startsWith('.spumoni/')) this.gets.push(request);
      const result = await backend.get(call, request);
      if (this.claimedSize !== undefined && !request.key.startsWith('.spumoni/'))
        return { ...result, head: { ...result.head, size: this.claimedSize } };
      return this.meddle ? { ...result, body: this.#changed(result, request) } : result;
    };
    return new Proxy(backend, {
      get: (target, name: keyof MemoryBackend) => (name === 'get' ? get : Reflect.get(target, name, target)),
    });
  }

  async *#changed({ body }: GetResult, request: GetRequest): AsyncGenerator<Uint8Array> {
    const all: Uint8Array[] = [];
    for await (const chunk of body) all.push(Buffer.from(chunk));
    yield this.meddle?.(Buffer.concat(all), request) ?? Buffer.concat(all);
  }
}

export interface Read {
  readonly bytes: Buffer;
  readonly code: ObjectsErrorCode | 'done';
}

/** Bytes that no two calls give alike. */
export function someBytes(length: number): Buffer {
  return randomFillSync(Buffer.alloc(length));
}
