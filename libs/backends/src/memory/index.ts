import { MemoryBackend } from './backend.js';
import type { MemoryOptions } from './config.js';

export { MemoryBackend } from './backend.js';
export type { MemoryGate, MemoryGatePoint, MemoryGateRef, MemoryOptions } from './config.js';

/** Makes an empty backend in memory whose tokens are of the given kind. Not registered: tests and models make it themselves. */
export function createMemoryBackend(options: MemoryOptions): MemoryBackend {
  return new MemoryBackend(options);
}
