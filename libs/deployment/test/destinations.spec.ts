import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sealCredentials } from '../src/backends/credentials.js';
import { openMasterKeys } from '../src/encryption/open-master-keys.js';
import type { OpenDeployment } from '../src/index.js';
import { Stand } from './stand.js';

const SAS = 'sv=2024-11-04&ss=b&srt=sco&sp=rwdlactf&sig=never-to-be-seen';

/** Somebody else's server, which writes down all that it is told, as an endpoint or as a proxy. */
class Stranger {
  readonly heard: string[] = [];
  readonly #server: Server = createServer((request, response) => {
    this.heard.push(`${request.method ?? ''} ${request.url ?? ''} ${JSON.stringify(request.headers)}`);
    response.writeHead(403).end();
  }).on('connect', (request, socket) => {
    this.heard.push(`CONNECT ${JSON.stringify(request.headers)}`);
    socket.end('HTTP/1.1 407 No\r\n\r\n');
  });

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`;
  }

  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

describe('stored credentials', () => {
  const stand = new Stand();
  const stranger = new Stranger();
  let deployment: OpenDeployment;
  let elsewhere: string;
  beforeAll(async () => {
    await stand.start();
    elsewhere = await stranger.listen();
    const settings = await stand.settings({ SPUMONI_BACKEND_DEADLINE_SECONDS: '2' });
    deployment = await stand.open(settings);
    const plane = deployment.controlPlane;
    const { capabilities, state } = await plane.backends.get('local');
    const row = {
      name: 'cloud',
      type: 'azure' as const,
      endpoint: 'http://127.0.0.1:9/examplestore',
      options: { insecure: true, proxy: 'http://127.0.0.1:9' },
    };
    const clear = { accountName: 'examplestore', sasToken: SAS, proxyUser: 'us', proxyPassword: 'also-not-to-be-seen' };
    const credentials = sealCredentials(await openMasterKeys(settings, plane), row, clear);
    await plane.backends.create({ ...row, credentials, capabilities, state });
  });
  afterAll(async () => {
    await stranger.close();
    await stand.dispose();
  });

  const options = { insecure: true, proxy: 'http://127.0.0.1:9' };
  it.each([
    ['endpoint', () => ({ endpoint: `${elsewhere}/examplestore`, options })],
    ['endpoint', () => ({ endpoint: null })],
    ['options.proxy', () => ({ options: { ...options, proxy: elsewhere } })],
    ['options.authorityHost', () => ({ options: { ...options, authorityHost: 'https://evil.example.com' } })],
  ])('go nowhere else by a change of %s: it must bring credentials of its own (A1.16)', async (setting, change) => {
    const before = await deployment.backends.get('cloud');
    await expect(deployment.backends.update('test', 'cloud', change())).rejects.toMatchObject({
      code: 'credentials-required',
      facts: { settings: [setting] },
    });
    expect(await deployment.backends.get('cloud')).toEqual(before);
    expect(stranger.heard).toEqual([]);
  });

  it('stay with a change that leaves the place as it is, however it is written', async () => {
    const same = { endpoint: 'HTTP://127.0.0.1:9/examplestore/', options: { ...options, connections: 3 } };
    // Nobody listens there: it was let through, and tried.
    await expect(deployment.backends.update('test', 'cloud', same)).rejects.toMatchObject({
      code: 'backend-check-failed',
    });
  });

  it('are not what is sent where the change brings others', async () => {
    const change = {
      endpoint: `${elsewhere}/examplestore`,
      options: { insecure: true },
      credentials: { accountName: 'examplestore', sasToken: SAS.replace('never-to-be-seen', 'brought-along') },
    };
    await expect(deployment.backends.update('test', 'cloud', change)).rejects.toMatchObject({
      code: 'backend-check-failed',
    });
    expect(stranger.heard.join('\n')).toContain('brought-along');
    expect(stranger.heard.join('\n')).not.toMatch(/to-be-seen/);
  });
});
