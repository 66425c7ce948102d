import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash, randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Upload, type HttpRequest, type HttpResponse } from 'tus-js-client';
import { QUICK } from '../crash/crashing-spumoni.js';
import { RunningSpumoni, until } from './running-spumoni.js';

const CHUNK = 512 * 1024;
const CONTENT = randomBytes(8 * 1024 * 1024 + 7);

/** The library that browsers use, against the whole product, through everything that may happen to a long upload. */
describe('a resumable upload by tus-js-client', () => {
  let spumoni: RunningSpumoni;
  beforeAll(async () => {
    spumoni = await RunningSpumoni.start({
      environment: { ...QUICK, SPUMONI_API_PROCESSES: '2', SPUMONI_LOG_LEVEL: 'debug' },
    });
    await spumoni.client().send('PUT', '/v1/films', { json: { backend: 'local' } });
  }, 120_000);
  afterAll(() => spumoni.stop(), 60_000);

  /** Every write that lies at the vendor, which here is a directory; the marker is one. */
  const stored = async (): Promise<number> => {
    const files = await readdir(join(spumoni.dataDirectory, 'objects'), { recursive: true, withFileTypes: true });
    return files.filter((file) => file.isFile() && /films/.test(file.parentPath)).length;
  };

  it('goes on after cut connections, killed processes and a restart of everything, and loses no acknowledged byte', async () => {
    const troubles = [
      async () => {
        for (const pid of await spumoni.pidsOf('api')) process.kill(pid, 'SIGKILL');
      },
      async () => {
        await spumoni.kill();
        await spumoni.launch();
      },
    ];
    let acknowledged = 0;
    const lost: string[] = [];
    const compare = (request: HttpRequest, response: HttpResponse): void => {
      if (request.getMethod() !== 'HEAD' || response.getStatus() !== 200) return;
      const offset = Number(response.getHeader('Upload-Offset'));
      if (offset < acknowledged) lost.push(`${acknowledged} bytes were acknowledged, and now there are ${offset}`);
    };
    const making: Promise<void>[] = [];
    let isCut = false;
    await new Promise<void>((resolve, reject) => {
      const upload = new Upload(CONTENT, {
        endpoint: `${spumoni.url}/v1/films/a%20film.bin?upload`,
        headers: { Authorization: spumoni.client().authorization, 'x-amz-meta-author': 'Ana', 'If-None-Match': '*' },
        metadata: { filetype: 'video/mp4' },
        chunkSize: CHUNK,
        retryDelays: Array<number>(240).fill(250),
        onAfterResponse: compare,
        onChunkComplete: (_, accepted) => {
          acknowledged = accepted;
          const due = accepted > (3 - troubles.length) * 2 * 1024 * 1024 ? troubles.shift() : undefined;
          if (due) making.push(due());
        },
        onProgress: (sent) => {
          if (isCut || sent < 7 * 1024 * 1024) return;
          isCut = true;
          // In the middle of a request.
          upload.abort().then(() => upload.start(), reject);
        },
        onSuccess: () => resolve(),
        onError: reject,
      });
      upload.start();
    });
    await Promise.all(making);
    expect([lost, troubles.length, isCut]).toEqual([[], 0, true]);
    await spumoni.untilReady();
    const got = await spumoni.client().send('GET', '/v1/films/a%20film.bin');
    expect([got.status, got.headers.get('content-type'), got.headers.get('x-amz-meta-author')]).toEqual([
      ...[200, 'video/mp4', 'Ana'],
    ]);
    expect(createHash('sha256').update(got.bytes).digest('hex')).toBe(
      createHash('sha256').update(CONTENT).digest('hex'),
    );
    // The object and the container's marker, and nothing of the upload.
    await until('its segments are gone', 60_000, async () => (await stored()) === 2);
  }, 180_000);

  it('and a presigned link leave no signature in what is printed, recorded or answered', async () => {
    const client = spumoni.client();
    const made = await client.expect(200, 'POST', '/v1/films/x?link', { json: { method: 'PUT' } });
    const { path } = made.json() as { path: string };
    const [, signature = ''] = /:([0-9a-f]{64})$/.exec(path) ?? [];
    expect(signature).toHaveLength(64);
    const answers: string[] = [];
    for (const [method, address] of [
      ...[
        ['PUT', path],
        ['GET', path],
        ['PUT', `${path}0`],
        ['PUT', `${path}&x=1`],
        ['DELETE', path],
      ],
      ...[
        ['PUT', path.replace('/x?', '/y?')],
        ['PUT', path.replace('/films/', '/nowhere/')],
      ],
    ] as const) {
      const answer = await fetch(spumoni.url + address, { method });
      answers.push(`${answer.status} ${JSON.stringify([...answer.headers])} ${await answer.text()}`);
    }
    expect(answers.map((answer) => answer.slice(0, 3))).toEqual(['200', ...Array<string>(6).fill('403')]);
    let records = '';
    await until('the refusals are recorded', 60_000, async () => {
      records = (await client.send('GET', '/admin/v1/audit?limit=1000')).text();
      return records.includes('/v1/nowhere/x');
    });
    for (const text of [spumoni.output, records, ...answers]) expect(text).not.toContain(signature.slice(0, 40));
  }, 120_000);
});
