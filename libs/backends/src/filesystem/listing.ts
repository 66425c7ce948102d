import { BackendError } from '../errors.js';
import type { ListedEntry, ListPage, ListRequest } from '../object-backend.js';
import { DEFAULT_CLASS } from './capabilities.js';
import type { Place } from './place.js';
import { scanContainer } from './scan.js';
import type { ScannedFile } from './scan.js';
import { compareUtf8 } from './utf8-order.js';

/** Where an entry stands: by key, then the newest first. A write that never finished has no key yet and stands at the empty one. */
interface Position {
  readonly key: string;
  readonly name: string;
}
type Placed = Position & ScannedFile;

function compare(left: Position, right: Position): number {
  if (left.key !== right.key) return compareUtf8(left.key, right.key);
  if (left.name === right.name) return 0;
  return left.name > right.name ? -1 : 1;
}

function decodeCursor(cursor: string): Position {
  const text = Buffer.from(cursor, 'base64url').toString();
  const at = text.indexOf(':');
  if (at < 0) throw new BackendError('invalid', 'the cursor is none that this backend gave');
  return { name: text.slice(0, at), key: text.slice(at + 1) };
}
function encodeCursor({ key, name }: Position): string {
  return Buffer.from(`${name}:${key}`).toString('base64url');
}

/** Keeps the first entries of a scan in order, in memory that the page's limit bounds. */
class PageBuilder {
  private placed: Placed[] = [];

  constructor(
    private readonly request: ListRequest,
    private readonly after: Position | undefined,
  ) {}

  add(file: ScannedFile): void {
    const { include, prefix = '', limit } = this.request;
    if (include === 'current' && file.trailer === undefined) return;
    const placed = { key: file.trailer?.key ?? '', ...file };
    if (!placed.key.startsWith(prefix)) return;
    // Of `current` a key has one entry, so a page goes on at the next key, whatever was written since.
    if (this.after !== undefined) {
      const passed = include === 'current' ? compareUtf8(placed.key, this.after.key) : compare(placed, this.after);
      if (passed <= 0) return;
    }
    this.placed.push(placed);
    if (this.placed.length >= 4 * limit + 1000) this.shrink();
  }

  finish(): { placed: readonly Placed[]; more: boolean } {
    this.shrink();
    return { placed: this.placed.slice(0, this.request.limit), more: this.placed.length > this.request.limit };
  }

  private shrink(): void {
    this.placed.sort(compare);
    if (this.request.include === 'current')
      this.placed = this.placed.filter((entry, index, all) => entry.key !== all[index - 1]?.key);
    this.placed.length = Math.min(this.placed.length, this.request.limit + 1);
  }
}

function entryOf({ key, name, trailer, size }: Placed, isNewest: boolean): ListedEntry {
  if (trailer === undefined) return { kind: 'upload', key, token: name, size };
  const { modified, attributes } = trailer;
  return {
    kind: isNewest ? 'object' : 'noncurrent',
    key,
    token: name,
    size,
    lastModified: new Date(modified),
    vendorEtag: name,
    storageClass: attributes.storageClass ?? DEFAULT_CLASS,
  };
}

/**
 * One page, by a scan of the whole container and a sort: exact, and slow in a large container (see scan.ts). Older writes of a key are `noncurrent`.
 * Files that are not finished are `upload`s of the empty key, the token being the file's name: their key is written last.
 */
export async function listFiles(place: Place, request: ListRequest): Promise<ListPage> {
  const after = request.cursor === undefined ? undefined : decodeCursor(request.cursor);
  const page = new PageBuilder(request, after);
  for await (const file of scanContainer(place, request.container)) page.add(file);
  const { placed, more } = page.finish();
  let previous = after?.key;
  let previousFinished = after !== undefined && after.key !== '';
  const entries = placed.map((entry) => {
    const isNewest = !(previousFinished && previous === entry.key);
    previous = entry.key;
    previousFinished = entry.trailer !== undefined;
    return entryOf(entry, isNewest);
  });
  const last = placed.at(-1);
  return { entries, ...(more && last !== undefined ? { cursor: encodeCursor(last) } : {}) };
}
