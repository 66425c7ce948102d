export { createMemoryIndex } from './memory-index.js';
