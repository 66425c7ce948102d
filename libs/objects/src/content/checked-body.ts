import type { ObjectBody } from '#libs/backends';
import { ObjectsError } from '../errors.js';
import type { Content } from '../mutation/mutation.js';
import { checksumsOf, Digests, md5Of, type ChecksumAlgorithm } from './digests.js';

/** What the client said of its body. Each is checked before the last byte is let through. */
export interface Expectations {
  /** Exact length in bytes. */
  readonly size?: number;
  /** Content-MD5 (RFC 1864), base64. */
  readonly md5?: string;
  /** `x-amz-checksum-*`, base64, by algorithm. */
  readonly checksums?: Readonly<Partial<Record<ChecksumAlgorithm, string>>>;
}

export interface CheckedBody {
  readonly body: ObjectBody;
  /** Size, ETag and checksums, once the whole body has gone through; undefined before. */
  readonly content: () => Content | undefined;
}

/**
 * Lets a body through while computing its MD5 and checksums, and holds the last chunk back until everything the client said of it is true:
 * a body that is too short, too long or damaged never completes at the backend, so the old object stays.
 * Fails with `incomplete-body`, `body-too-long` or `bad-digest`.
 */
export function checkBody(body: ObjectBody, expected: Expectations): CheckedBody {
  let content: Content | undefined;
  if (body instanceof Uint8Array) {
    content = checkBytes(body, expected);
    return { body, content: () => content };
  }
  const stream = checkStream(body, expected, (result) => (content = result));
  return { body: stream, content: () => content };
}

function checkBytes(bytes: Uint8Array, expected: Expectations): Content {
  checkSize(bytes.byteLength, expected.size, true);
  const digests = { md5: md5Of(bytes), checksums: checksumsOf(bytes, algorithmsOf(expected)) };
  return conclude(bytes.byteLength, digests, expected);
}

async function* checkStream(
  source: AsyncIterable<Uint8Array>,
  expected: Expectations,
  done: (content: Content) => void,
): AsyncGenerator<Uint8Array> {
  const digests = new Digests(algorithmsOf(expected));
  let held: Uint8Array | undefined;
  try {
    for await (const chunk of source) {
      if (chunk.byteLength === 0) continue;
      await digests.update(chunk);
      checkSize(digests.size, expected.size, false);
      if (held) yield held;
      held = chunk;
    }
    checkSize(digests.size, expected.size, true);
    done(conclude(digests.size, await digests.finish(), expected));
    if (held) yield held;
  } finally {
    digests.abandon();
  }
}

function algorithmsOf(expected: Expectations): ChecksumAlgorithm[] {
  return Object.keys(expected.checksums ?? {}) as ChecksumAlgorithm[];
}

function checkSize(size: number, expected: number | undefined, ended: boolean): void {
  if (expected === undefined) return;
  if (size > expected)
    throw new ObjectsError(
      'body-too-long',
      `the body is longer than the ${expected} bytes that were announced; nothing was stored`,
    );
  if (ended && size < expected) {
    throw new ObjectsError(
      'incomplete-body',
      `the body ended after ${size} of the ${expected} bytes that were announced; nothing was stored`,
    );
  }
}

function conclude(
  size: number,
  digests: { md5: Buffer; checksums: Record<string, string> },
  expected: Expectations,
): Content {
  compare('Content-MD5', expected.md5, digests.md5.toString('base64'));
  for (const [name, value] of Object.entries(expected.checksums ?? {}))
    compare(`x-amz-checksum-${name}`, value, digests.checksums[name]);
  return { size, etag: digests.md5.toString('hex'), checksums: digests.checksums };
}

function compare(name: string, expected: string | undefined, actual: string | undefined): void {
  if (expected === undefined || expected === actual) return;
  throw new ObjectsError(
    'bad-digest',
    `${name} is ${expected}, but the bytes that came have ${String(actual)}; nothing was stored`,
  );
}
