import { createHash, randomBytes } from 'node:crypto';
import { objectPath, type Answer, type Client } from '../system/client.js';

/** An object as a client stored it. */
export interface Stored {
  readonly body: Buffer;
  readonly contentType: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
}

/** Of an unknown outcome the answer was lost, or said that something failed on the other side. */
export type Fate = 'done' | 'refused' | 'unknown';

type Possible = Stored | undefined;

/** A fresh object of so many bytes; no two are alike. */
export function newStored(size: number): Stored {
  const id = randomBytes(6).toString('hex');
  return {
    body: randomBytes(size),
    contentType: 'text/x-crash',
    metadata: { id, 'with-dash': 'two words' },
    tags: { id },
  };
}

async function fateOf(send: () => Promise<Answer>): Promise<Fate> {
  let answer: Answer;
  try {
    answer = await send();
  } catch {
    // fetch rejects only when the connection failed: that is the unknown outcome which the model is for.
    return 'unknown';
  }
  if (answer.status < 300) return 'done';
  if (answer.status >= 500) return 'unknown';
  if (answer.status === 409) return 'refused';
  throw new Error(`not expected: ${answer.status} ${answer.text()}`);
}

function md5(body: Buffer): string {
  return createHash('md5').update(body).digest('hex');
}

function shown(possible: Possible): string {
  if (possible === undefined) return 'nothing';
  const { body, metadata } = possible;
  return `${body.length} bytes ${md5(body)} ${JSON.stringify(metadata)}`;
}

function isSame(a: Possible, b: Possible): boolean {
  if (a === undefined || b === undefined) return a === b;
  const rest = ({ contentType, metadata, tags }: Stored): string =>
    JSON.stringify([contentType, Object.entries(metadata).sort(), Object.entries(tags).sort()]);
  return a.body.equals(b.body) && rest(a) === rest(b);
}

function pairsOf(headers: Headers, prefix: string): Record<string, string> {
  const pairs: Record<string, string> = {};
  headers.forEach((value, name) => {
    if (name.startsWith(prefix)) pairs[name.slice(prefix.length)] = value;
  });
  return pairs;
}

function headersOf({ contentType, metadata, tags }: Stored): Record<string, string> {
  const prefixed = Object.entries(metadata).map(([name, value]): [string, string] => [`x-amz-meta-${name}`, value]);
  return {
    'content-type': contentType,
    'x-amz-tagging': new URLSearchParams(tags).toString(),
    ...Object.fromEntries(prefixed),
  };
}

interface Listed {
  readonly key: string;
  readonly size: number;
  readonly ETag: string;
}

/** A bucket, used through the API by one client that remembers what it was told. Two changes of one key are never under way at once. */
export class ModelledBucket {
  /** What may stand at each key: one thing if the last answer was a definite one. */
  readonly #possible = new Map<string, readonly Possible[]>();

  constructor(
    private readonly client: Client,
    readonly name: string,
  ) {}

  /** Keys that certainly hold an object. */
  get settled(): string[] {
    return [...this.#possible].flatMap(([key, [first, ...others]]) => (first && others.length === 0 ? [key] : []));
  }

  put(key: string, stored: Stored): Promise<Fate> {
    const request = { headers: headersOf(stored), body: stored.body };
    return this.#attempt(key, stored, () => this.client.send('PUT', objectPath(this.name, key), request));
  }

  copy(from: string, to: string): Promise<Fate> {
    const source = objectPath(this.name, from).slice('/v1'.length);
    const path = `${objectPath(this.name, to)}?copyFrom=${encodeURIComponent(source)}`;
    return this.#attempt(to, this.#certain(from), () => this.client.send('POST', path));
  }

  /** Gives the object other metadata and tags. */
  change(key: string, { metadata, tags }: Pick<Stored, 'metadata' | 'tags'>): Promise<Fate> {
    const next = { ...this.#certain(key), metadata, tags };
    return this.#attempt(key, next, () =>
      this.client.send('PATCH', objectPath(this.name, key), { json: { metadata, tags } }),
    );
  }

  remove(key: string): Promise<Fate> {
    return this.#attempt(key, undefined, () => this.client.send('DELETE', objectPath(this.name, key)));
  }

  /** An object that a rule may have removed, or may yet. */
  mayExpire(key: string): void {
    this.#possible.set(key, [...(this.#possible.get(key) ?? []), undefined]);
  }

  /** Reads and lists everything; each difference from what may be is told in words. */
  async differences(): Promise<string[]> {
    const found = new Map<string, Stored>();
    const told: string[] = [];
    for (const [key, possible] of this.#possible) {
      const actual = await this.#read(key);
      if (actual !== undefined) found.set(key, actual);
      if (!possible.some((one) => isSame(one, actual)))
        told.push(`${key}: ${shown(actual)}, not ${possible.map(shown).join(' or ')}`);
    }
    const bytes = (text: string): Buffer => Buffer.from(text);
    const keys = [...found.keys()].sort((a, b) => Buffer.compare(bytes(a), bytes(b)));
    const expected = keys.map(
      (key) => `${key} ${found.get(key)?.body.length} ${md5(found.get(key)?.body ?? bytes(''))}`,
    );
    const listed = (await this.#list()).map(({ key, size, ETag }) => `${key} ${size} ${ETag}`);
    if (expected.join('\n') !== listed.join('\n'))
      told.push(`listed:\n${listed.join('\n')}\nnot:\n${expected.join('\n')}`);
    return told;
  }

  #certain(key: string): Stored {
    const [first, ...others] = this.#possible.get(key) ?? [];
    if (first === undefined || others.length > 0) throw new Error(`nobody knows what stands at ${key}`);
    return first;
  }

  async #attempt(key: string, next: Possible, send: () => Promise<Answer>): Promise<Fate> {
    const before = this.#possible.get(key) ?? [undefined];
    this.#possible.set(key, [...before, next]);
    const fate = await fateOf(send);
    if (fate === 'done') this.#possible.set(key, [next]);
    if (fate === 'refused') this.#possible.set(key, before);
    return fate;
  }

  async #read(key: string): Promise<Possible> {
    const answer = await this.client.send('GET', objectPath(this.name, key));
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw new Error(`GET ${key} answered ${answer.status}: ${answer.text()}`);
    return {
      body: answer.bytes,
      contentType: answer.headers.get('content-type') ?? '',
      metadata: pairsOf(answer.headers, 'x-amz-meta-'),
      tags: Object.fromEntries(new URLSearchParams(answer.headers.get('x-amz-tagging') ?? '')),
    };
  }

  /** By small pages, so that their seams are looked at too. */
  async #list(): Promise<Listed[]> {
    const listed: Listed[] = [];
    for (let marker = ''; ;) {
      const query = new URLSearchParams({ maxKeys: '7', ...(marker === '' ? {} : { marker }) });
      const answer = await this.client.expect(200, 'GET', `/v1/${this.name}?${query.toString()}`);
      const page = answer.json() as { objects: Listed[]; nextMarker: string | null };
      listed.push(...page.objects);
      if (page.nextMarker === null) return listed;
      marker = page.nextMarker;
    }
  }
}
