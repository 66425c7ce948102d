/** Sends or fetches large objects, all at once, with bytes made on the fly; prints what went over the wire as JSON. See transfers.ts. */
import { createHash, randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';

const MIB = 1024 * 1024;
const { method, authorization, size, targets } = JSON.parse(process.argv[2] ?? '{}');

/** One random block again and again, each time with its number in front: cheap to make, and no two blocks alike. */
function* blocks(hash) {
  const block = randomBytes(MIB);
  for (let sent = 0; sent < size; sent += MIB) {
    const next = Buffer.from(block);
    next.writeDoubleLE(sent);
    hash.update(next);
    yield next;
  }
}

function answerOf(outgoing) {
  return new Promise((resolve, reject) => {
    outgoing.once('response', resolve);
    outgoing.once('error', reject);
  });
}

async function transfer({ key, url }) {
  const hash = createHash('md5');
  const headers = { authorization, ...(method === 'PUT' ? { 'content-length': size } : {}) };
  const outgoing = request(url, { method, headers });
  const answered = answerOf(outgoing);
  if (method === 'PUT') await pipeline(Readable.from(blocks(hash), { highWaterMark: 1 }), outgoing);
  else outgoing.end();
  const answer = await answered;
  let received = 0;
  let text = '';
  for await (const chunk of answer) {
    received += chunk.length;
    if (method === 'GET') hash.update(chunk);
    if (answer.statusCode !== 200 || method === 'PUT') text += chunk;
  }
  if (answer.statusCode !== 200) throw new Error(`${method} ${url} answered ${answer.statusCode}: ${text}`);
  const md5 = hash.digest('hex');
  return { key, size: method === 'GET' ? received : size, md5, etag: String(answer.headers.etag).replaceAll('"', '') };
}

process.stdout.write(JSON.stringify(await Promise.all(targets.map(transfer))));
