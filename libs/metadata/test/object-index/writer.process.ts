import { writeSync } from 'node:fs';
import { createLmdbIndex } from '../../src/object-index/lmdb/index.js';
import type { BucketId } from '../../src/object-index/records.js';
import { shownBy } from './writer-documents.js';

/**
 * A process that changes an index until it is killed or its input ends: new keys from several writers at once, and a counter that
 * all processes share. Each acknowledged change is a line on its output: `key NAME` or `count`; `begun` comes first.
 */
const [path = '', name = ''] = process.argv.slice(2);
const bucket = 'shared' as BucketId;
const index = await createLmdbIndex({ path });
let goesOn = true;
process.stdin.once('end', () => (goesOn = false)).resume();
const say = (line: string): void => void writeSync(1, `${line}\n`);

async function writeKeys(writer: number): Promise<void> {
  for (let at = 0; goesOn; at++) {
    const key = `${name}/${writer}/${at}`;
    const result = await index.changeKey(
      { bucket, key },
      { expected: null, next: shownBy(key, at), requireActive: false },
    );
    if (result !== 'changed') throw new Error(`${key} is new, but the answer was ${result}`);
    say(`key ${key}`);
  }
}

async function count(): Promise<void> {
  const address = { bucket, key: 'counter' };
  while (goesOn) {
    const stored = await index.getKey(address);
    const next = shownBy('counter', (stored?.value.current?.size ?? 0) + 1);
    const change = { expected: stored?.version ?? null, next, requireActive: false };
    if ((await index.changeKey(address, change)) === 'changed') say('count');
  }
}

say('begun');
await Promise.all([writeKeys(1), writeKeys(2), writeKeys(3), count()]);
await index.close();
