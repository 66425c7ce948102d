import { createMemoryIndex } from '#libs/metadata';
import { describeObjectIndexContract } from './object-index/contract.js';

describeObjectIndexContract('memory', () => Promise.resolve(createMemoryIndex()));
