import { realpath, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';

/** How one directory lies to another. */
export type Overlap = 'same' | 'inside' | 'around';

/** Of a directory nobody can say where it lies: this process may not look into it or what is above it, or its disk fails. `code` is the system's. */
export class UnknownDirectoryError extends Error {
  override readonly name = 'UnknownDirectoryError';
  readonly code: string;

  constructor(
    readonly path: string,
    cause: unknown,
  ) {
    const code = codeOf(cause) ?? 'of no known kind';
    super(`the directory ${path} cannot be looked at (${code})`, { cause });
    this.code = code;
  }
}

/** A directory on the way to the root, and what the system knows it by; no id where it is not there. */
interface Step {
  readonly path: string;
  readonly id: string | undefined;
}

/**
 * Whether two directories are one (`same`), or the first lies inside or around the second, as this process sees them: by their real paths, and by device and inode, so that links, mounts and capitals deceive nobody.
 * Either need not be there yet; one that cannot be asked fails it with `UnknownDirectoryError`, for its path alone says nothing. A directory that another mount shows in part is not found out.
 */
export async function overlapOf(one: string, other: string): Promise<Overlap | undefined> {
  const [a, b] = await Promise.all([stepsUp(one), stepsUp(other)]);
  const isInside = a.some((step) => isSame(step, b[0]));
  const isAround = b.some((step) => isSame(step, a[0]));
  if (isInside && isAround) return 'same';
  return isInside ? 'inside' : isAround ? 'around' : undefined;
}

function isSame(one: Step, other: Step | undefined): boolean {
  return one.path === other?.path || (one.id !== undefined && one.id === other?.id);
}

/** The directory first, the root last. */
async function stepsUp(path: string): Promise<Step[]> {
  try {
    return await everyStepUp(path);
  } catch (error) {
    throw new UnknownDirectoryError(path, error);
  }
}

async function everyStepUp(path: string): Promise<Step[]> {
  const steps: Step[] = [];
  for (let at = await realPathOf(resolve(path)); ; at = dirname(at)) {
    steps.push({ path: at, id: await idOf(at) });
    if (at === dirname(at)) return steps;
  }
}

/** Of what is not there yet: the nearest directory that is, and the rest as it is written. */
async function realPathOf(path: string): Promise<string> {
  for (let at = path; ; at = dirname(at)) {
    const real = await realpath(at).catch(unlessAbsent);
    if (real !== undefined) return join(real, relative(at, path));
    if (at === dirname(at)) return path;
  }
}

async function idOf(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(unlessAbsent);
  return found && `${found.dev}:${found.ino}`;
}

function unlessAbsent(error: unknown): undefined {
  if (!['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '')) throw error;
}

function codeOf(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : undefined;
}
