import { lstat } from 'node:fs/promises';
import { codeOf } from '../errors.js';
import type { Layout } from '../layout.js';
import { PlainLayout } from './plain-layout.js';

/** How long what a container is may be remembered: none becomes the other but by being removed and made anew. */
const REMEMBERED_MS = 1000;

/** True if anything is at the path. */
export async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return false;
    throw error;
  }
}

/** Tells plain containers, whose objects are files under their keys, from those that Spumoni made, whose objects lie by id. */
export class PlainKinds {
  private readonly known = new Map<string, { readonly plain: PlainLayout | undefined; readonly until: number }>();

  constructor(
    private readonly layout: Layout,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** The layout of a plain container; undefined for any other, also one that is not there. */
  async of(container: string): Promise<PlainLayout | undefined> {
    const known = this.known.get(container);
    if (known !== undefined && this.now() < known.until) return known.plain;
    const layout = new PlainLayout(this.layout, container);
    const plain = (await exists(layout.format)) ? layout : undefined;
    this.known.set(container, { plain, until: this.now() + REMEMBERED_MS });
    return plain;
  }

  forget(container: string): void {
    this.known.delete(container);
  }
}
