import { randomUUID } from 'node:crypto';
import type { BackendCapabilities } from '../capabilities.js';
import { BackendError } from '../errors.js';
import type { Call, ObjectBackend } from '../object-backend.js';

/** Writes, reads and removes one object in a container of its own, so that a disk that is full, read-only or foreign is refused before it is used. */
export async function probeFilesystem(
  backend: ObjectBackend,
  call: Call,
  prefix: string,
): Promise<BackendCapabilities> {
  const container = `${prefix}-${randomUUID().slice(0, 8)}`;
  const body = Buffer.from('Spumoni was here');
  await backend.createContainer(call, { container });
  try {
    const attributes = { headers: {}, metadata: {}, tags: {} };
    const { token } = await backend.put(call, { container, key: 'probe', body, size: body.length, attributes });
    const ref = { container, key: 'probe', token };
    const answer = await backend.get(call, ref);
    const chunks: Uint8Array[] = [];
    for await (const chunk of answer.body) chunks.push(chunk);
    await backend.delete(call, ref);
    if (!body.equals(Buffer.concat(chunks)))
      throw new BackendError('invalid', 'the directory does not give back what is written to it', {
        backend: backend.name,
      });
  } finally {
    await backend.deleteContainer(call, container);
  }
  return backend.capabilities;
}
