import { createMemoryBackend, MemoryBackend, TOKEN_KINDS } from '../src/index.js';
import { describeConformance } from './conformance/index.js';

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
  });
