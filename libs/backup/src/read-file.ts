import { createHash, createHmac } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { BackupError } from './errors.js';
import {
  FILE_VERSION,
  header as headerForm,
  MAX_LINE_BYTES,
  Tally,
  trailer,
  type Header,
  type Page,
} from './format.js';
import { forged, signatureOf, type Trust } from './signature.js';

/** A backup being read: its header, then its pages. Read to the end it has been checked whole. */
export interface OpenBackup {
  readonly header: Header;
  readonly pages: AsyncIterable<Page>;
  /** The master key that has signed it; absent where that is not looked at. */
  readonly signedBy?: string;
  /** SHA-256 of its lines up to the last page that was given: whoever reads it twice knows by it whether it is the same. */
  readonly digest: () => string;
}

export interface ReadOptions {
  /** Told how many bytes of the file have been read. */
  readonly onBytes?: (bytes: number) => void;
}

function damaged(path: string, what: string, cause?: unknown): BackupError {
  return new BackupError('damaged', `${path} cannot be used: ${what}`, cause);
}

/** Lines without their newline. The last must have one too. */
async function* linesIn(path: string, { onBytes }: ReadOptions): AsyncGenerator<Buffer> {
  const source = createReadStream(path);
  let bytes = 0;
  source.on('data', (chunk) => onBytes?.((bytes += chunk.length)));
  const text = source.pipe(createGunzip());
  source.on('error', (error) => text.destroy(error));
  let held: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of text as AsyncIterable<Buffer>) {
      let from = 0;
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
        yield Buffer.concat([...held, chunk.subarray(from, at)]);
        held = [];
        size = 0;
        from = at + 1;
      }
      held.push(chunk.subarray(from));
      size += chunk.length - from;
      if (size > MAX_LINE_BYTES) throw damaged(path, 'it is no backup: a line never ends');
    }
  } catch (error) {
    if (error instanceof BackupError || isSystemError(error)) throw error;
    throw damaged(path, 'it is damaged, or ends too early', error);
  } finally {
    source.destroy();
    text.destroy();
  }
  if (size > 0) throw damaged(path, 'it ends too early');
}

/** What the system says of the file (`ENOENT`, `EACCES`), and zlib does not. */
function isSystemError(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'syscall' in error;
}

function parse(path: string, line: Buffer): unknown {
  try {
    return JSON.parse(line.toString('utf8'));
  } catch (error) {
    throw damaged(path, 'a line in it is no JSON', error);
  }
}

/**
 * Opens a backup. Fails with `damaged` if it is none, `newer` for a later version's, or as `signatureOf` does; what is wrong further on fails its pages, at the latest where they end: a file that was cut, or of which one bit is another, is never read
 * to the end. Whoever writes what is read must have read all of it once before.
 */
export async function openBackup(path: string, trust: Trust, options: ReadOptions = {}): Promise<OpenBackup> {
  const lines = linesIn(path, options);
  const first = await lines.next();
  if (first.done) throw damaged(path, 'it is empty');
  const found: unknown = parse(path, first.value);
  const version = typeof found === 'object' && found !== null && 'version' in found ? found.version : undefined;
  if (typeof version === 'number' && version > FILE_VERSION) {
    await lines.return(undefined);
    const known = `this Spumoni knows version ${String(FILE_VERSION)}`;
    throw new BackupError('newer', `${path} is a backup of version ${String(version)}; ${known}: use a newer one`);
  }
  const read = headerForm.safeParse(found);
  if (!read.success) {
    await lines.return(undefined);
    throw damaged(path, 'it does not begin as a backup does', read.error);
  }
  try {
    const signature = signatureOf(path, read.data, trust);
    const sums = new Sums(first.value, signature?.bytes);
    return {
      header: read.data,
      pages: pagesOf(path, lines, sums),
      digest: () => sums.sha256(),
      ...(signature === undefined ? {} : { signedBy: signature.by }),
    };
  } catch (error) {
    await lines.return(undefined);
    throw error;
  }
}

/** Sums up the lines of a file; the signature's too, where there is a key to it. */
class Sums {
  readonly #hash = createHash('sha256');
  readonly #hmac: ReturnType<typeof createHmac> | undefined;

  constructor(first: Buffer, key: Uint8Array | undefined) {
    this.#hmac = key && createHmac('sha256', key);
    this.add(first);
  }

  add(line: Buffer): void {
    for (const sum of [this.#hash, this.#hmac]) sum?.update(line).update('\n');
  }

  sha256(): string {
    return this.#hash.copy().digest('hex');
  }

  /** Once, at the end. */
  isSigned(signature: string | undefined): boolean {
    return this.#hmac === undefined || this.#hmac.digest('hex') === signature;
  }
}

async function* pagesOf(path: string, lines: AsyncGenerator<Buffer>, sums: Sums): AsyncGenerator<Page> {
  const tally = new Tally();
  for await (const line of lines) {
    const value = parse(path, line);
    if (isPage(value)) {
      sums.add(line);
      tally.add(value);
      yield value;
      continue;
    }
    const end = trailer.safeParse(value);
    if (!end.success) throw damaged(path, 'a line in it is of no known kind');
    const { hmac, ...told } = end.data.end;
    const counted = { ...tally.counts(), sha256: sums.sha256() };
    if (!isSame(counted, told)) throw damaged(path, 'it does not hold what its last line says it does');
    if (!sums.isSigned(hmac)) throw forged(path);
    if (!(await lines.next()).done) throw damaged(path, 'something follows its end');
    return;
  }
  throw damaged(path, 'it ends too early');
}

/** Only its outer form: the checksum says that the rest is as it was written. */
function isPage(value: unknown): value is Page {
  if (typeof value !== 'object' || value === null) return false;
  const of = (name: string): unknown => Reflect.get(value, name);
  return (
    (typeof of('table') === 'string' && Array.isArray(of('rows'))) ||
    Array.isArray(of('buckets')) ||
    Array.isArray(of('keys'))
  );
}

function isSame(one: { rows: Record<string, number> }, other: { rows: Record<string, number> }): boolean {
  const text = ({ rows, ...rest }: typeof one): string =>
    JSON.stringify([Object.entries(rest).sort(), Object.entries(rows).sort()]);
  return text(one) === text(other);
}
