import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import type { Observation } from '#libs/backends';
import { openAdapter } from '../src/backends/open-adapter.js';
import { systemClock } from '../src/runtime/system-clock.js';

const isLinux = process.platform === 'linux';
const ifLinux = isLinux ? it : it.skip;
const reason = isLinux ? '' : ' [skipped: only Linux says what kind a filesystem is]';

describe('an open adapter', () => {
  const directory = mkdtempSync(join(tmpdir(), 'spumoni-adapter-'));
  const seen: Observation[] = [];
  const clock = systemClock((error) => {
    throw error;
  });
  const limits = { deadlineMs: 5_000, connections: 4, observe: (one: Observation) => void seen.push(one), clock };
  const definition = { name: 'disk', type: 'filesystem', credentials: {}, options: { path: directory } } as const;
  const call = { requestId: 'test' };
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it('closes when its last download has ended, not before', async () => {
    const adapter = await openAdapter(definition, limits);
    const { backend } = adapter;
    await backend.createContainer(call, { container: 'box' });
    const body = Buffer.alloc(3 * 1024 * 1024, 7);
    const attributes = { headers: {}, metadata: {}, tags: {} };
    const { token } = await backend.put(call, { container: 'box', key: 'k', body, attributes });
    const download = await backend.get(call, { container: 'box', key: 'k', token });
    let closed = false;
    const closing = adapter.closeWhenIdle(60_000).then(() => (closed = true));
    await backend.head(call, { container: 'box', key: 'k', token });
    expect(closed).toBe(false);
    let bytes = 0;
    for await (const chunk of download.body) bytes += chunk.byteLength;
    await closing;
    expect(bytes).toBe(body.byteLength);
    await expect(backend.head(call, { container: 'box', key: 'k', token })).rejects.toMatchObject({
      kind: 'unavailable',
    });
    expect(seen.find(({ operation }) => operation === 'get')).toMatchObject({ outcome: 'ok', bytes: body.byteLength });
  });

  ifLinux(`reads at once what is in memory, and is idle after it${reason}`, async () => {
    seen.length = 0;
    const adapter = await openAdapter(definition, limits);
    const { backend } = adapter;
    const attributes = { headers: {}, metadata: {}, tags: {} };
    const ref = { container: 'near', key: 'k' };
    await backend.createContainer(call, { container: 'near' });
    const { token } = await backend.put(call, { ...ref, body: Buffer.from('small'), attributes });
    let bytes: Uint8Array | undefined;
    while (bytes === undefined) {
      await backend.get(call, { ...ref, token });
      bytes = backend.getAtOnce?.({ ...ref, token });
    }
    expect(Buffer.from(bytes).toString()).toBe('small');
    expect(seen.at(-1)).toMatchObject({ backend: 'disk', operation: 'get', outcome: 'ok', bytes: 5 });
    const told = seen.length;
    expect(backend.getAtOnce?.({ ...ref, key: 'other', token })).toBeUndefined();
    expect(seen).toHaveLength(told);
    await adapter.closeWhenIdle(3_600_000);
    expect(backend.getAtOnce?.({ ...ref, token })).toBeUndefined();
  });

  it('has the abilities that its probe found, and looks after fresh ids as its adapter does', async () => {
    const plain = await openAdapter(definition, limits);
    const found = { ...plain.backend.capabilities, serverSideCopy: false };
    const { backend } = await openAdapter(definition, limits, found);
    expect(backend.capabilities).toEqual(found);
    expect(backend.freshIds === undefined).toBe(plain.backend.freshIds === undefined);
    await backend.close();
    await plain.backend.close();
  });
});
