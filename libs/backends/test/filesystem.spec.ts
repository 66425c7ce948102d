import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFilesystem } from '../src/filesystem/index.js';
import { describeConformance } from './conformance/index.js';
import { Writer } from './filesystem-writer.js';

let path = '';

describeConformance('the filesystem backend', {
  async open() {
    path = await mkdtemp(join(tmpdir(), 'spumoni-filesystem-'));
    const backend = openFilesystem({ name: 'disk', type: 'filesystem', credentials: {}, options: { path } });
    return {
      backend,
      async close() {
        await backend.close();
        await rm(path, { recursive: true });
      },
    };
  },
  gaps: [{ case: 'listing/uploads', reason: 'a staged file has no key until it is whole; filesystem-staging.spec.ts' }],
  async dieWriting(_backend, container, { left, unfinished }) {
    const writer = await Writer.start(path, container);
    await writer.tell({ do: 'put', key: left, size: 1000 });
    await writer.tell({ do: 'hang', key: unfinished });
    await writer.kill();
  },
});
