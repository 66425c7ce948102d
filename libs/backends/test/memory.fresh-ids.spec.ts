import { describe, expect, it } from '@jest/globals';
import { createMemoryBackend, withMetrics, type ObjectBackend } from '../src/index.js';

const call = { requestId: 'fresh-ids' };

async function open(): Promise<ReturnType<typeof createMemoryBackend>> {
  const backend = createMemoryBackend({ name: 'memory', tokens: 'id' });
  await backend.createContainer(call, { container: 'docs' });
  return backend;
}

async function put(backend: ObjectBackend, key: string): Promise<string> {
  const attributes = { headers: {}, metadata: {}, tags: {}, writeId: `of-${key}` };
  return (await backend.put(call, { container: 'docs', key, body: Buffer.from(key), attributes })).token;
}

async function unsettled(backend: ObjectBackend): Promise<string[]> {
  const found: string[] = [];
  for await (const { ref, writeId } of backend.freshIds?.unsettled(call, 'docs') ?? []) {
    expect(writeId).toBe(`of-${ref.key}`);
    expect(ref.container).toBe('docs');
    found.push(ref.key);
  }
  return found;
}

describe('fresh ids in memory', () => {
  it('gives the unsettled writes of an ended process alone, until they were examined', async () => {
    const backend = await open();
    const token = await put(backend, 'settled');
    backend.freshIds?.settle({ container: 'docs', key: 'settled', token });
    await put(backend, 'left');
    expect(await unsettled(backend)).toEqual([]);
    backend.endProcess();
    await put(backend, 'living');
    expect(await unsettled(backend)).toEqual(['left']);
    expect(await unsettled(backend)).toEqual(['left']);
    await backend.freshIds?.examined(call, 'docs');
    expect(await unsettled(backend)).toEqual([]);
    backend.endProcess();
    expect(await unsettled(backend)).toEqual(['living']);
  });

  it('forgets what an ended process was uploading, and nothing of a living one', async () => {
    const backend = await open();
    await backend.leaveUpload(call, 'docs', 'dead');
    backend.endProcess();
    await backend.leaveUpload(call, 'docs', 'living');
    await unsettled(backend);
    const { entries } = await backend.list(call, { container: 'docs', include: 'everything', limit: 9 });
    expect(entries.map(({ key }) => key)).toEqual(['living']);
  });

  it('are there for tokens of kind id alone, and reach through wrappers', async () => {
    const backend = await open();
    expect(withMetrics(backend, { observe: () => undefined }).freshIds).toBe(backend.freshIds);
    const other = createMemoryBackend({ name: 'memory', tokens: 'version' });
    expect(other.freshIds).toBeUndefined();
    expect('freshIds' in withMetrics(other, { observe: () => undefined })).toBe(false);
  });
});
