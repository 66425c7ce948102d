/** A process that writes to a filesystem backend as it is told, a line of JSON each, and dies when it is killed. Arguments: root, container. */
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { openFilesystem } from '../src/filesystem/index.js';

const order = z.object({
  do: z.enum(['put', 'hang', 'rotate', 'close']),
  key: z.string().default(''),
  size: z.number().default(0),
  settle: z.boolean().default(false),
});

const [path = '', container = ''] = process.argv.slice(2);
/** How far its clock is ahead: it need not wait to be old. */
let ahead = 0;
const clock = { now: () => Date.now() + ahead, every: () => () => undefined };
const backend = openFilesystem({ name: 'writer', type: 'filesystem', credentials: {}, options: { path } }, { clock });
const call = { requestId: 'writer' };

async function put(key: string, body: Uint8Array | AsyncIterable<Uint8Array>, settle: boolean): Promise<string> {
  const attributes = { headers: {}, metadata: {}, tags: {}, writeId: `of-${key}` };
  const size = body instanceof Uint8Array ? { size: body.length } : {};
  const { token } = await backend.put(call, { container, key, body, ...size, attributes });
  if (settle) backend.freshIds.settle({ container, key, token });
  return token;
}

async function* hanging(onHalf: () => void): AsyncGenerator<Uint8Array> {
  yield Buffer.alloc(2_000_000, 1);
  yield Buffer.alloc(1, 1);
  onHalf();
  await new Promise(() => undefined);
}

async function obey(line: string): Promise<string> {
  const { do: what, key, size, settle } = order.parse(JSON.parse(line));
  switch (what) {
    case 'put':
      return await put(key, Buffer.alloc(size, 1), settle);
    case 'hang':
      return await new Promise((resolve, reject) => {
        put(
          key,
          hanging(() => resolve('')),
          false,
        ).catch(reject);
      });
    case 'rotate':
      ahead += 10 * 60_000;
      await backend.rotateSessions();
      return '';
    case 'close':
      await backend.close();
      return '';
  }
}

process.stdout.write('ready\n');
for await (const line of createInterface({ input: process.stdin })) process.stdout.write(`done ${await obey(line)}\n`);
