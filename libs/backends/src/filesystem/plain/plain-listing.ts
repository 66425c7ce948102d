import { BackendError } from '../../errors.js';
import type { ListedEntry, ListPage, ListRequest } from '../../object-backend.js';
import type { PlainLayout } from './plain-layout.js';
import { walkPlain } from './plain-walk.js';

type Walk = AsyncGenerator<ListedEntry, undefined>;

/** Walks that wait for their next page. More, or older ones, are given up and begun anew where they were. */
const KEPT_WALKS = 8;
const KEPT_MS = 60_000;

const CURSOR = /^f1\.[A-Za-z0-9_-]*$/;

function encodeCursor(key: string): string {
  return `f1.${Buffer.from(key).toString('base64url')}`;
}

function decodeCursor(backend: string, cursor: string): string {
  if (CURSOR.test(cursor)) return Buffer.from(cursor.slice(3), 'base64url').toString();
  throw new BackendError('invalid', 'the cursor is none that this backend gave', { backend });
}

/** Lists plain containers page by page. A walk goes on where its last page ended, so a directory of a million files is read and sorted once and not for each page. */
export class PlainListing {
  private readonly waiting = new Map<string, { readonly walk: Walk; readonly timer: NodeJS.Timeout }>();

  constructor(private readonly backend: string) {}

  async page(layout: PlainLayout, request: ListRequest): Promise<ListPage> {
    const { prefix = '', cursor, limit } = request;
    const nameOf = (at: string): string => JSON.stringify([layout.root, prefix, at]);
    const after = cursor === undefined ? undefined : decodeCursor(this.backend, cursor);
    const walk = (cursor === undefined ? undefined : this.take(nameOf(cursor))) ?? walkPlain(layout, { prefix, after });
    const entries: ListedEntry[] = [];
    while (entries.length < limit) {
      const next: IteratorResult<ListedEntry, undefined> = await walk.next();
      if (next.done === true) return { entries };
      entries.push(next.value);
    }
    const next = encodeCursor(entries.at(-1)?.key ?? '');
    this.keep(nameOf(next), walk);
    return { entries, cursor: next };
  }

  private take(name: string): Walk | undefined {
    const kept = this.waiting.get(name);
    if (kept === undefined) return undefined;
    this.waiting.delete(name);
    clearTimeout(kept.timer);
    return kept.walk;
  }

  private keep(name: string, walk: Walk): void {
    this.take(name);
    const oldest = this.waiting.keys().next();
    if (this.waiting.size >= KEPT_WALKS && oldest.done !== true) this.take(oldest.value);
    this.waiting.set(name, { walk, timer: setTimeout(() => this.waiting.delete(name), KEPT_MS).unref() });
  }

  /** Gives up the walks that wait. */
  close(): void {
    for (const name of [...this.waiting.keys()]) this.take(name);
  }
}
