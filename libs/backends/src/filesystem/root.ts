import { randomUUID } from 'node:crypto';
import { link, mkdir, readdir, readFile, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { BackendError } from '../errors.js';
import type { DirectorySync } from './directory-sync.js';
import { codeOf, systemFailure } from './errors.js';
import type { Layout } from './layout.js';
import { closeFile, createFile, writeFully } from './syscalls.js';

const markerShape = z.object({ id: z.string().min(1) });

/** What a fresh disk may hold besides nothing: what mkfs makes, and a marker that another process is about to place. */
function isHarmless(name: string): boolean {
  return name === 'lost+found' || name.startsWith('.spumoni-root.json.');
}

/**
 * The root directory and its marker file. Without the marker that this process saw before, or without any, the disk is not mounted or the path points
 * elsewhere: everything under it then is `unavailable`, and nothing is `not-found`.
 */
export class Root {
  private seen: string | undefined;

  constructor(
    private readonly backend: string,
    private readonly layout: Layout,
    private readonly directories: DirectorySync,
    /** Whether it may hold other things when it is made one. */
    private readonly existing: boolean,
  ) {}

  /** Fails with `unavailable` unless this is the root it was. */
  async assertThere(): Promise<void> {
    const found = await this.readMarker();
    if (found === undefined) throw this.gone('it has no marker file');
    if (this.seen !== undefined && found !== this.seen) throw this.gone('its marker file is another one');
    this.seen = found;
  }

  /** Makes root and marker at the very first use. A directory that holds other things is refused with `invalid`, unless it was said that it does. */
  async assertOrMake(): Promise<void> {
    if (this.seen !== undefined || (await this.readMarker()) !== undefined) {
      await this.assertThere();
      return;
    }
    try {
      await mkdir(this.layout.root, { recursive: true, mode: 0o700 });
      const others = (await readdir(this.layout.root)).filter((name) => !isHarmless(name));
      if (others.length > 0 && !this.existing) {
        await this.refuseOrJoin(others);
        return;
      }
      await this.makeMarker();
    } catch (error) {
      throw systemFailure(this.backend, error, 'making the root directory');
    }
    await this.assertThere();
  }

  /** Words a system error, after asking whether an absent file is one, or the disk is. */
  async failure(error: unknown, doing: string): Promise<BackendError> {
    const failure = systemFailure(this.backend, error, doing);
    if (failure.kind !== 'not-found') return failure;
    return await this.assertThere().then(
      () => failure,
      (gone: unknown) => systemFailure(this.backend, gone, doing),
    );
  }

  private async refuseOrJoin(others: readonly string[]): Promise<void> {
    // Another process may have been making the same root just now.
    if ((await this.readMarker()) !== undefined) {
      await this.assertThere();
      return;
    }
    const shown = others.slice(0, 3).map((name) => JSON.stringify(name));
    throw new BackendError(
      'invalid',
      `the directory is not empty and is no backend's root: it holds ${shown.join(', ')}; expected an empty directory, or options.existing for one whose directories are to be taken over`,
      { backend: this.backend },
    );
  }

  private async makeMarker(): Promise<void> {
    const text = JSON.stringify({ id: randomUUID(), format: 1, madeAt: new Date().toISOString() });
    // Linked into place: whoever sees the marker sees all of it, and of two makers one wins.
    const draft = `${this.layout.marker}.${randomUUID()}`;
    const fd = await createFile(draft, true);
    try {
      await writeFully(fd, [Buffer.from(`${text}\n`)]);
      await link(draft, this.layout.marker).catch((error: unknown) => {
        if (codeOf(error) !== 'EEXIST') throw error;
      });
    } finally {
      await closeFile(fd);
      await unlink(draft);
    }
    await this.directories.sync(this.layout.root);
    await this.directories.sync(dirname(this.layout.root));
  }

  private async readMarker(): Promise<string | undefined> {
    let text: string;
    try {
      text = await readFile(this.layout.marker, 'utf8');
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw systemFailure(this.backend, error, 'reading the marker of the root');
    }
    try {
      const parsed: unknown = JSON.parse(text);
      return markerShape.parse(parsed).id;
    } catch (cause) {
      const details = { backend: this.backend, cause };
      throw new BackendError('unavailable', 'the marker file of the root directory is damaged', details);
    }
  }

  private gone(why: string): BackendError {
    const message = `the root directory is not the one it was: ${why}; is the disk mounted?`;
    return new BackendError('unavailable', message, { backend: this.backend });
  }
}
