import { join } from 'node:path';
import { BackendError } from '../errors.js';
import { fanOf, isId } from './ids.js';

/** S3's form of a bucket name: no separator, no upper case, nothing that begins with a dot. */
const CONTAINER = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const STAGED = /^([0-9a-hjkmnp-tv-z]{26})\.(\d+)-(\d+)\.part$/;

/** A staged file's name says who writes it. */
export interface StagedName {
  readonly id: string;
  readonly pid: number;
  /** The writer's start in clock ticks since boot: a pid alone is given again. 0 where the system does not tell. */
  readonly started: number;
}

/** Where things lie below a root: `<root>/<container>/<two hex digits>/<id>`. No name from outside becomes a path before it was checked here. */
export class Layout {
  constructor(
    private readonly backend: string,
    readonly root: string,
  ) {}

  /** `invalid` if it can be no container's name. */
  container(name: string): string {
    if (CONTAINER.test(name) && !name.includes('..')) return join(this.root, name);
    const expected = '3 to 63 lower-case letters, digits, dots and hyphens, letters or digits at both ends';
    throw new BackendError('invalid', `not a container name: ${JSON.stringify(name)}; expected ${expected}`, {
      backend: this.backend,
    });
  }

  fan(container: string, id: string): string {
    return `${this.container(container)}/${fanOf(id)}`;
  }

  file(container: string, id: string): string {
    return `${this.fan(container, id)}/${id}`;
  }

  /** The file that a token names; undefined if this backend gives no such tokens. */
  fileOfToken(container: string, token: string): string | undefined {
    return isId(token) ? this.file(container, token) : undefined;
  }

  get marker(): string {
    return join(this.root, '.spumoni-root.json');
  }
}

export function isContainerName(name: string): boolean {
  return CONTAINER.test(name) && !name.includes('..');
}

export function stagedName({ id, pid, started }: StagedName): string {
  return `${id}.${pid}-${started}.part`;
}

export function parseStagedName(name: string): StagedName | undefined {
  const [, id, pid, started] = STAGED.exec(name) ?? [];
  return id === undefined ? undefined : { id, pid: Number(pid), started: Number(started) };
}
