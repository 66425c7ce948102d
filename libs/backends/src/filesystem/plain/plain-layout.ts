import { createHash } from 'node:crypto';
import type { Layout } from '../layout.js';

/*
 * A plain container is a directory that others filled and Spumoni took over. An object's bytes are the whole of a file, at the path that its key spells:
 *
 *   <container>/a/b.txt                          the object "a/b.txt"
 *   <container>/.spumoni/.plain/format.json      says that the container is plain
 *   <container>/.spumoni/.plain/a/<hh>/<hash>.<token>   headers, metadata, tags and write id of the write that the token names; <hash> is the key's SHA-256, <hh> its first two digits
 *   <container>/.spumoni/.plain/k/<hh>/<hash>    the bytes of a key that no path can spell, "folder/" for one
 *   <container>/.spumoni/.plain/t/<id>.part      a write on its way
 *
 * A token is what the system tells of a file: time of change of the bytes, and size. Others who write change it, and a copy that keeps times (a restored backup, another disk) keeps it. It does not name a write as an id does, so the container is `weak`.
 */

const TOKEN = /^f(?:\.[0-9a-z]{1,16}){2}$/;
const LONGEST_NAME_BYTES = 255;
/** Of what Linux lets a path have, 4,096, with room for the root and the container. */
const LONGEST_KEY_BYTES = 3000;

/** Where Spumoni keeps its own in a plain container, below the container. */
export const OWN_DIRECTORY = '.spumoni/.plain';

/** What identifies one state of a file. */
export interface FileIdentity {
  readonly mtimeNs: bigint;
  readonly size: bigint;
}

export function plainToken({ mtimeNs, size }: FileIdentity): string {
  return `f.${[mtimeNs, size].map((part) => BigInt.asUintN(64, part).toString(36)).join('.')}`;
}

export function isPlainToken(token: string): boolean {
  return TOKEN.test(token);
}

/** The paths of one plain container. No name from outside becomes a path before it was checked here. */
export class PlainLayout {
  readonly root: string;
  readonly own: string;

  /** `invalid` if it can be no container's name. */
  constructor(layout: Layout, container: string) {
    this.root = layout.container(container);
    this.own = `${this.root}/${OWN_DIRECTORY}`;
  }

  get format(): string {
    return `${this.own}/format.json`;
  }
  get staging(): string {
    return `${this.own}/t`;
  }
  get odd(): string {
    return `${this.own}/k`;
  }

  /** Undefined for a key that no path below the container spells. */
  fileOf(key: string): string | undefined {
    return isPath(key) ? `${this.root}/${key}` : undefined;
  }

  oddFileOf(key: string): string {
    const hash = hashOf(key);
    return `${this.odd}/${hash.slice(0, 2)}/${hash}`;
  }

  attributesOf(key: string, token: string): string {
    return this.attributesOfHash(hashOf(key), token);
  }

  attributesOfHash(hash: string, token: string): string {
    return `${this.own}/a/${hash.slice(0, 2)}/${hash}.${token}`;
  }
}

function hashOf(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

/** True if the key, taken as a path below a directory, names one file there and is spelled in the one way a walk would spell it. */
export function isPath(key: string): boolean {
  if (key.includes('\0') || Buffer.byteLength(key) > LONGEST_KEY_BYTES || !key.isWellFormed()) return false;
  if (key === OWN_DIRECTORY || key.startsWith(`${OWN_DIRECTORY}/`)) return false;
  return key.split('/').every((name) => {
    if (name === '' || name === '.' || name === '..') return false;
    return Buffer.byteLength(name) <= LONGEST_NAME_BYTES;
  });
}
