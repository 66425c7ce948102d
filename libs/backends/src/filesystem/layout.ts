import { join } from 'node:path';
import { BackendError } from '../errors.js';
import { isId, sliceOf } from './ids.js';

/** S3's form of a bucket name: no separator, no upper case, nothing that begins with a dot. */
const CONTAINER = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const STAGED = '.part';

/**
 * Where things lie below a root: `<root>/<container>/<period>/<slice>/<id>` (see ids.ts), and what no container may be called: `.spumoni-root.json` and
 * `.spumoni/sessions/`. No name from outside becomes a path before it was checked here.
 */
export class Layout {
  constructor(
    private readonly backend: string,
    readonly root: string,
  ) {}

  /** `invalid` if it can be no container's name. */
  container(name: string): string {
    if (isContainerName(name)) return `${this.root}/${name}`;
    const expected = '3 to 63 lower-case letters, digits, dots and hyphens, letters or digits at both ends';
    throw new BackendError('invalid', `not a container name: ${JSON.stringify(name)}; expected ${expected}`, {
      backend: this.backend,
    });
  }

  /** The directories of an id, from its container's down to its own. */
  directories(container: string, id: string): { container: string; period: string; slice: string } {
    const top = this.container(container);
    const { period, slice } = sliceOf(id);
    return { container: top, period: `${top}/${period}`, slice: `${top}/${period}/${slice}` };
  }

  file(container: string, id: string): string {
    return `${this.directories(container, id).slice}/${id}`;
  }

  /** The file that a token names; undefined if this backend gives no such tokens. */
  fileOfToken(container: string, token: string): string | undefined {
    return isId(token) ? this.file(container, token) : undefined;
  }

  get marker(): string {
    return join(this.root, '.spumoni-root.json');
  }
  /** What the processes that write here say of themselves. */
  get sessions(): string {
    return join(this.root, '.spumoni', 'sessions');
  }
}

export function isContainerName(name: string): boolean {
  return CONTAINER.test(name) && !name.includes('..');
}

/** The name of a large write's file until it is whole. Its id says which session's process writes it. */
export function stagedName(id: string): string {
  return id + STAGED;
}

/** The id in a staged file's name; undefined if it is the name of none. */
export function parseStagedName(name: string): string | undefined {
  if (!name.endsWith(STAGED)) return undefined;
  const id = name.slice(0, -STAGED.length);
  return isId(id) ? id : undefined;
}
