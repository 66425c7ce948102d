import { BackendError } from '../errors.js';
import type { Call, ObjectAttributes, ObjectRef, WriteResult } from '../object-backend.js';
import { assertWanted } from './errors.js';
import { encodeTail } from './format.js';
import type { Place } from './place.js';
import { inspectWrite } from './read.js';
import type { FileFacts } from './file-facts.js';
import { StagedFile } from './staging.js';
import { resultOf, underFreshId, writeFile } from './write.js';

/** Where a copy goes, and what stands beside its bytes. */
export interface CopyTarget {
  readonly container: string;
  readonly key: string;
  readonly attributes: ObjectAttributes;
}

async function copyLarge(
  place: Place,
  call: Call,
  path: string,
  { facts, target, id }: { facts: FileFacts; target: CopyTarget; id: string },
): Promise<WriteResult> {
  const { container, key, attributes } = target;
  const length = facts.footer.bodyLength;
  const staged = await StagedFile.createFrom(place, { container, id }, { path, length });
  try {
    assertWanted(place.name, call);
    await staged.append([encodeTail({ key, modified: Date.now(), attributes }, length)]);
    await staged.finish();
    assertWanted(place.name, call);
  } catch (error) {
    throw await staged.abandon(error);
  }
  return resultOf(id, length);
}

/** Writes the bytes of one write again under a fresh id, with other attributes. No byte of a large file passes through this process. */
export async function copyWrite(place: Place, call: Call, source: ObjectRef, target: CopyTarget): Promise<WriteResult> {
  const facts = await inspectWrite(place, source);
  const { whole, footer } = facts;
  if (whole !== undefined)
    return await writeFile(place, call, { ...target, body: whole.subarray(0, footer.bodyLength) });
  const path = place.layout.fileOfToken(source.container, source.token);
  if (path === undefined) throw new BackendError('not-found', 'no such object', { backend: place.name });
  return await underFreshId(place, (id) => copyLarge(place, call, path, { facts, target, id }));
}
