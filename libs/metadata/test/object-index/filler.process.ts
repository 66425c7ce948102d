import { createLmdbIndex } from '../../src/object-index/lmdb/index.js';
import { IndexError } from '../../src/object-index/object-index.js';
import type { BucketId } from '../../src/object-index/records.js';
import { shownBy } from './writer-documents.js';

/** Writes until the file may not grow any more, then tells as JSON what was acknowledged and how the rest was refused. */
process.on('SIGXFSZ', () => undefined);
const [path = ''] = process.argv.slice(2);
const bucket = 'shared' as BucketId;
const index = await createLmdbIndex({ path });
const acknowledged: string[] = [];
const refusals: string[] = [];

async function write(key: string): Promise<void> {
  const next = shownBy(key.padEnd(300, '.'), 1);
  try {
    await index.changeKey({ bucket, key }, { expected: null, next, requireActive: false });
    acknowledged.push(key);
  } catch (error) {
    refusals.push(error instanceof IndexError ? error.kind : String(error));
  }
}

for (let batch = 0; refusals.length < 100; batch++)
  await Promise.all(Array.from({ length: 32 }, (_, at) => write(`${batch}/${at}`)));
const readable = await index.scan(bucket, { limit: 100_000 });
await index.close();
console.log(JSON.stringify({ acknowledged, refusals: [...new Set(refusals)], readable: readable.length }));
