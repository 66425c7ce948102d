import { fstatSync } from 'node:fs';
import type { Call, GetRequest, GetResult, ObjectHead } from '../../object-backend.js';
import { BackendError } from '../../errors.js';
import { assertWanted } from '../errors.js';
import type { Place } from '../place.js';
import { FileBody, spanOf } from '../read.js';
import { closeFile, openToRead } from '../syscalls.js';
import { plainToken } from './plain-layout.js';
import { absent, headOfPlain, standing, type PlainKey, type StandingFile } from './plain-standing.js';

/** The file of a key, and with a token only that state of it. `not-found` if it is not there, or not any more. */
export async function requireStanding(place: Place, at: PlainKey, token?: string): Promise<StandingFile> {
  const file = await standing(at);
  if (file === undefined || (token !== undefined && token !== file.token)) throw absent(place);
  return file;
}

export async function headPlain(
  place: Place,
  at: PlainKey,
  ask: { readonly token?: string; readonly withTags?: boolean },
): Promise<ObjectHead> {
  return await headOfPlain(at, await requireStanding(place, at, ask.token), ask.withTags === true);
}

/** Opens a key's file. Its body fails with `integrity`, before the chunk is given, if the file was changed while it was read. */
export async function openPlain(place: Place, call: Call, at: PlainKey, request: GetRequest): Promise<GetResult> {
  const file = await requireStanding(place, at, request.token);
  const head = await headOfPlain(at, file, false);
  const fd = await openToRead(file.path);
  try {
    // Replaced since it was looked at: the caller looks again.
    if (tokenOf(fd) !== file.token) throw absent(place);
    assertWanted(place.name, call);
  } catch (error) {
    await closeFile(fd);
    throw error;
  }
  const { start, end } = spanOf(request.range, file.size);
  const assertSame = (): void => {
    if (tokenOf(fd) === file.token) return;
    throw new BackendError('integrity', 'a file was changed while it was read', { backend: place.name });
  };
  const body = new FileBody(place, call, fd, { start, end, transient: request.transientChunks === true, assertSame });
  return { head, body, discard: () => void body.close() };
}

/** Synchronous: of an open file the system has this at hand. */
function tokenOf(fd: number): string | undefined {
  const facts = fstatSync(fd, { bigint: true });
  return facts.isFile() ? plainToken(facts) : undefined;
}
