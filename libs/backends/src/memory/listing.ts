import { compareUtf8 } from '../filesystem/utf8-order.js';
import { BackendError } from '../errors.js';
import type { ListedEntry, ListPage, ListRequest } from '../object-backend.js';
import type { MemoryContainer, MemoryWrite } from './containers.js';

/** Where a page ended: the key, and how new the last write shown of it was. Uploads come after all writes of their key. */
interface Position {
  readonly key: string;
  readonly order: number;
}
type Placed = Position & { readonly entry: ListedEntry };

function comparePositions(left: Position, right: Position): number {
  return compareUtf8(left.key, right.key) || right.order - left.order;
}

function decodeCursor(cursor: string): Position {
  const text = Buffer.from(cursor, 'base64url').toString();
  const at = text.indexOf(':');
  const order = at < 0 ? Number.NaN : Number(text.slice(0, at));
  if (Number.isNaN(order)) throw new BackendError('invalid', 'the cursor is none that this backend gave');
  return { key: text.slice(at + 1), order };
}

function encodeCursor({ key, order }: Position): string {
  return Buffer.from(`${order}:${key}`).toString('base64url');
}

function placeWrite(write: MemoryWrite, current: boolean, defaultClass: string): Placed {
  const { key, token, order, bytes, md5, modified, attributes } = write;
  const storageClass = attributes.storageClass ?? defaultClass;
  const kind = write.conceals ? 'delete-marker' : current ? 'object' : 'noncurrent';
  const entry = {
    kind,
    key,
    token,
    size: bytes.length,
    lastModified: modified,
    vendorEtag: md5,
    storageClass,
  } as const;
  return { key, order, entry };
}

/** One page, in UTF-8 byte order of keys, the newest write of a key first. Exact also while keys come and go. */
export function listMemory(container: MemoryContainer, request: ListRequest, defaultClass: string): ListPage {
  const { prefix = '', include, limit } = request;
  const after = request.cursor === undefined ? undefined : decodeCursor(request.cursor);
  const writes = container
    .allWrites()
    .map((write) => placeWrite(write, container.current(write.key) === write, defaultClass));
  const uploads = container.allUploads().map(({ key, token, begun }, index): Placed => ({
    key,
    order: -1 - index,
    entry: { kind: 'upload', key, token, size: 0, ...(begun ? { lastModified: begun } : {}) },
  }));
  const all = include === 'current' ? writes.filter(({ entry }) => entry.kind === 'object') : [...writes, ...uploads];
  const due = all
    .filter(({ key }) => key.startsWith(prefix))
    .filter((placed) => after === undefined || comparePositions(placed, after) > 0)
    .sort(comparePositions);
  const page = due.slice(0, limit);
  const last = page.at(-1);
  const more = due.length > page.length && last !== undefined;
  return { entries: page.map(({ entry }) => entry), ...(more ? { cursor: encodeCursor(last) } : {}) };
}
