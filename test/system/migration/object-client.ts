import { createHash } from 'node:crypto';
import { objectPath, type Answer, type Client } from '../client.js';
import { nameOf, type Content, type Known, type Model } from './model.js';

/** An object to be written. */
export interface Draft {
  readonly body: Buffer;
  readonly metadata: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
}

const md5 = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex');
/** Headers are bytes; the product takes and gives UTF-8. */
const toHeader = (value: string): string => Buffer.from(value, 'utf8').toString('latin1');
const fromHeader = (value: string): string => Buffer.from(value, 'latin1').toString('utf8');

/** Does what a client of one bucket does, and holds each answer against the model. Throws on an answer that no model allows. */
export class ObjectClient {
  /** Operations whose outcome stayed open, with the answer. */
  readonly doubts: string[] = [];

  constructor(
    private readonly client: Client,
    private readonly bucket: string,
    private readonly model: Model,
  ) {}

  put(key: string, { body, metadata, tags }: Draft): Promise<void> {
    const after: Known = { md5: md5(body), size: body.length, metadata, tags };
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(metadata)) headers[`x-amz-meta-${name}`] = toHeader(value);
    const pairs = Object.entries(tags).map((pair) => pair.map(encodeURIComponent).join('='));
    if (pairs.length > 0) headers['x-amz-tagging'] = pairs.join('&');
    return this.#change(key, after, () => this.client.send('PUT', objectPath(this.bucket, key), { body, headers }));
  }

  remove(key: string): Promise<void> {
    return this.#change(key, null, () => this.client.send('DELETE', objectPath(this.bucket, key)));
  }

  /** Other metadata; a 404 or 409 is right where there is no object, or the migration was just at it. */
  async recolor(key: string, metadata: Readonly<Record<string, string>>): Promise<void> {
    const before = this.model.certain(key);
    if (before === undefined) return this.read(key);
    const after = before && { ...before, metadata };
    const send = (): Promise<Answer> => this.client.send('PATCH', objectPath(this.bucket, key), { json: { metadata } });
    await this.#change(key, after, send, before === null ? [404] : [409]);
  }

  /** Reads the object back whole. */
  async read(key: string): Promise<void> {
    await this.model.alone(key, async () => {
      const answer = await this.client.send('GET', objectPath(this.bucket, key));
      if (answer.status >= 500) {
        this.#note('GET', key, answer);
        return;
      }
      if (answer.status !== 200 && answer.status !== 404) throw unexpected('GET', key, answer);
      const seen = answer.status === 404 ? null : contentOf(answer);
      const possible = this.model.possible(key);
      if (!possible.some((content) => nameOf(content) === nameOf(seen)))
        throw new Error(`${key} reads ${nameOf(seen)}; expected ${possible.map(nameOf).join(' or ')}`);
      this.model.settle(key, seen);
    });
  }

  /** Lists all, page by page; each key that stood still meanwhile must be there, or not, as the model says, and the order is that of UTF-8. */
  async list(pageSize: number): Promise<number> {
    const begun = this.model.now();
    const listed = new Map<string, { size: number; ETag: string }>();
    let last: Buffer | undefined;
    for await (const object of this.#pages(pageSize)) {
      const bytes = Buffer.from(object.key);
      if (last && Buffer.compare(last, bytes) >= 0) throw new Error(`the listing has ${object.key} out of order`);
      last = bytes;
      listed.set(object.key, object);
    }
    for (const key of new Set([...this.model.keys, ...listed.keys()])) {
      if (!this.model.stoodStillSince(key, begun)) continue;
      const content = this.model.certain(key);
      if (content === undefined) continue;
      const shown = listed.get(key);
      if ((content?.md5 ?? null) !== (shown?.ETag ?? null) || (content?.size ?? 0) !== (shown?.size ?? 0))
        throw new Error(`the listing shows ${key} as ${JSON.stringify(shown)}; expected ${nameOf(content)}`);
    }
    return listed.size;
  }

  async *#pages(maxKeys: number): AsyncGenerator<{ key: string; size: number; ETag: string }> {
    let marker: string | null = '';
    while (marker !== null) {
      const query: string = new URLSearchParams({
        maxKeys: String(maxKeys),
        ...(marker === '' ? {} : { marker }),
      }).toString();
      const answer = await this.client.expect(200, 'GET', `/v1/${this.bucket}?${query}`);
      const page = answer.json() as {
        objects: { key: string; size: number; ETag: string }[];
        nextMarker: string | null;
      };
      yield* page.objects;
      marker = page.nextMarker;
    }
  }

  async #change(key: string, after: Content, send: () => Promise<Answer>, unchangedBy: readonly number[] = []) {
    await this.model.alone(key, async () => {
      const answer = await send();
      if (answer.status < 300) this.model.settle(key, after);
      else if (answer.status >= 500) {
        this.model.doubt(key, after);
        this.#note('change', key, answer);
      } else if (!unchangedBy.includes(answer.status)) throw unexpected('change', key, answer);
    });
  }

  #note(method: string, key: string, answer: Answer): void {
    this.doubts.push(`${method} ${key}: ${answer.status} ${answer.text().slice(0, 300)}`);
  }
}

function contentOf({ headers, bytes }: Answer): Known {
  const metadata: Record<string, string> = {};
  for (const [name, value] of headers)
    if (name.startsWith('x-amz-meta-')) metadata[name.slice('x-amz-meta-'.length)] = fromHeader(value);
  const tags = Object.fromEntries(new URLSearchParams(headers.get('x-amz-tagging') ?? ''));
  return { md5: md5(bytes), size: bytes.length, metadata, tags };
}

function unexpected(method: string, key: string, answer: Answer): Error {
  return new Error(`${method} of ${JSON.stringify(key)}: ${answer.status} ${answer.text().slice(0, 500)}`);
}
