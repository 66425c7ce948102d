import { createMemoryBackend, MemoryBackend, TOKEN_KINDS } from '../src/index.js';
import { describeConformance } from './conformance/index.js';
import { PLAIN } from './conformance/stage.js';

for (const tokens of TOKEN_KINDS)
  describeConformance(`the memory backend with tokens of kind ${tokens}`, {
    async open() {
      const backend = createMemoryBackend({ name: `memory-${tokens}`, tokens });
      return { backend, close: () => backend.close() };
    },
    gaps: [],
    async leaveUpload(backend, container, key) {
      if (!(backend instanceof MemoryBackend)) throw new Error('not a memory backend');
      await backend.leaveUpload({ requestId: 'stranded' }, container, key);
    },
    async dieWriting(backend, container, { left, unfinished }) {
      if (!(backend instanceof MemoryBackend)) throw new Error('not a memory backend');
      const call = { requestId: 'dying' };
      const attributes = { ...PLAIN, writeId: `of-${left}` };
      await backend.put(call, { container, key: left, body: Buffer.from('left'), attributes });
      await backend.leaveUpload(call, container, unfinished);
      backend.endProcess();
    },
  });
