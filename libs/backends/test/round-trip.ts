import { expect } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import type { ObjectBackend } from '../src/index.js';

const call = { requestId: 'test' };

/** Everything that a backend does, the calls of the SDK included. */
export async function roundTrip(backend: ObjectBackend): Promise<void> {
  const container = `line-${randomBytes(6).toString('hex')}`;
  await backend.createContainer(call, { container });
  const attributes = { headers: {}, metadata: {}, tags: {} };
  const { token } = await backend.put(call, { container, key: 'k', body: Buffer.from('hello'), size: 5, attributes });
  const { body } = await backend.get(call, { container, key: 'k', token });
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  expect(Buffer.concat(chunks).toString()).toBe('hello');
  const { entries } = await backend.list(call, { container, include: 'everything', limit: 10 });
  expect(entries.map(({ key }) => key)).toEqual(['k']);
  expect((await backend.listContainers(call)).map(({ name }) => name)).toContain(container);
  await backend.delete(call, { container, key: 'k', token });
  await backend.deleteContainer(call, container);
}
