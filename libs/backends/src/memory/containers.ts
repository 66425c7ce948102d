import { createHash } from 'node:crypto';
import type { TokenKind } from '../capabilities.js';
import { writesCoexist } from '../capabilities.js';
import { BackendError } from '../errors.js';
import type { ObjectAttributes, ObjectHead, WriteCondition, WriteResult } from '../object-backend.js';

/** One write: its bytes never change. `order` says which of two writes of a key is the newer. */
export interface MemoryWrite {
  readonly key: string;
  readonly token: string;
  readonly order: number;
  readonly bytes: Buffer;
  readonly md5: string;
  readonly attributes: ObjectAttributes;
  readonly modified: Date;
  /** A delete marker: no object, but what stands. */
  readonly conceals?: true;
}

/** What a new write is made of. */
export interface NewWrite {
  readonly key: string;
  readonly bytes: Buffer;
  readonly attributes: ObjectAttributes;
  readonly condition?: WriteCondition | undefined;
}

/** One container. Each method is one synchronous step, so nothing comes between its check and its change. */
export class MemoryContainer {
  private readonly writes = new Map<string, MemoryWrite[]>();
  private readonly uploads = new Map<string, { readonly key: string; readonly order: number; readonly begun?: Date }>();

  constructor(
    readonly backend: string,
    readonly name: string,
    public kind: TokenKind,
    readonly createdAt: Date,
  ) {}

  get empty(): boolean {
    return this.writes.size === 0 && this.uploads.size === 0;
  }

  current(key: string): MemoryWrite | undefined {
    const newest = this.writes.get(key)?.at(-1);
    return newest?.conceals ? undefined : newest;
  }

  find(key: string, token: string): MemoryWrite | undefined {
    return this.writes.get(key)?.find((write) => write.token === token && !write.conceals);
  }

  /** Puts a delete marker over what stands, if anything does. */
  conceal(key: string, order: number, modified: Date): void {
    const standing = this.current(key);
    if (standing === undefined) return;
    const marker = {
      ...standing,
      token: `marker-${order}`,
      order,
      bytes: Buffer.alloc(0),
      modified,
      conceals: true as const,
    };
    this.writes.set(key, [...(this.writes.get(key) ?? []), marker]);
  }

  /** The write asked for, or what stands at the key. `not-found`, or `precondition` where another write has replaced it. */
  get(key: string, token?: string): MemoryWrite {
    const found = token === undefined ? this.current(key) : this.find(key, token);
    if (found !== undefined) return found;
    const replaced = !writesCoexist(this.kind) && this.current(key) !== undefined;
    const { backend } = this;
    if (replaced) throw new BackendError('precondition', 'another write stands at the key', { backend });
    throw new BackendError('not-found', 'no such object', { backend });
  }

  assertCondition(key: string, condition: WriteCondition | undefined): void {
    if (condition === undefined) return;
    const standing = this.current(key);
    const holds = 'ifAbsent' in condition ? standing === undefined : standing?.token === condition.ifToken;
    if (!holds)
      throw new BackendError('precondition', 'the condition of the write does not hold', { backend: this.backend });
  }

  /** Checks the condition and makes the write what stands at its key. */
  commit(write: NewWrite, order: number, modified: Date): MemoryWrite {
    this.assertCondition(write.key, write.condition);
    const { key, bytes, attributes } = write;
    const md5 = createHash('md5').update(bytes).digest('hex');
    const token = this.kind === 'none' ? md5 : `${this.kind}-${order}`;
    const stored = { key, token, order, bytes, md5, attributes, modified };
    const kept = writesCoexist(this.kind) ? (this.writes.get(key) ?? []) : [];
    this.writes.set(key, [...kept, stored]);
    return stored;
  }

  /** Removes one write; false if it is not there. */
  remove(key: string, token: string): boolean {
    const standing = this.writes.get(key) ?? [];
    const left = standing.filter((write) => write.token !== token);
    if (left.length === 0) this.writes.delete(key);
    else this.writes.set(key, left);
    return left.length < standing.length;
  }

  /** Removes whatever stands at the key. */
  removeCurrent(key: string): void {
    this.writes.delete(key);
  }

  beginUpload(key: string, order: number, begun?: Date): string {
    const upload = `upload-${order}`;
    this.uploads.set(upload, { key, order, ...(begun ? { begun } : {}) });
    return upload;
  }
  endUpload(upload: string): boolean {
    return this.uploads.delete(upload);
  }
  /** Forgets the uploads that began no later. */
  endUploadsUpTo(order: number): void {
    for (const [upload, begun] of this.uploads) if (begun.order <= order) this.uploads.delete(upload);
  }

  allWrites(): MemoryWrite[] {
    return [...this.writes.values()].flat();
  }
  allUploads(): { key: string; token: string; begun?: Date }[] {
    return [...this.uploads].map(([token, { key, begun }]) => ({ key, token, ...(begun ? { begun } : {}) }));
  }
}

export function headOf(container: string, write: MemoryWrite, withTags: boolean, defaultClass: string): ObjectHead {
  const { headers, metadata, tags, storageClass = defaultClass, writeId } = write.attributes;
  return {
    container,
    key: write.key,
    token: write.token,
    vendorEtag: write.md5,
    size: write.bytes.length,
    md5: write.md5,
    lastModified: write.modified,
    storageClass,
    headers: { ...headers },
    metadata: { ...metadata },
    ...(withTags ? { tags: { ...tags } } : {}),
    ...(writeId === undefined ? {} : { writeId }),
  };
}

export function resultOf(write: MemoryWrite, defaultClass: string): WriteResult {
  const { token, md5, bytes, attributes } = write;
  return { token, vendorEtag: md5, size: bytes.length, md5, storageClass: attributes.storageClass ?? defaultClass };
}
