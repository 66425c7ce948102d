import { afterAll, describe, expect, it } from '@jest/globals';
import { objectPath } from './client.js';
import { printedCredentials, RunningSpumoni } from './running-spumoni.js';

const BUCKET = { type: 'filesystem', name: 'kept-bucket', backend: 'local' };
const OBJECT = objectPath('kept-bucket', 'folder/käse 1.txt');

/** Each test goes on where the one before it stopped: one data directory through its life. */
describe('starting and stopping as a person does', () => {
  let spumoni: RunningSpumoni | undefined;
  const running = (): RunningSpumoni => {
    if (!spumoni) throw new Error('the first start failed');
    return spumoni;
  };
  afterAll(() => spumoni?.stop());

  const expectAllThere = async (): Promise<void> => {
    const client = running().client();
    const answer = await client.expect(200, 'GET', OBJECT);
    expect(answer.text()).toBe('kept');
    expect(answer.headers.get('x-amz-meta-color')).toBe('blue');
    expect((await client.expect(200, 'GET', '/v1/kept-bucket')).json()).toMatchObject({
      objects: [{ key: 'folder/käse 1.txt', size: 4, location: 'local' }],
    });
  };

  it('makes an administrator at the first start and prints the credentials once', async () => {
    spumoni = await RunningSpumoni.start({ withoutRootKeys: true });
    const { accessKey, secretKey } = spumoni.credentials;
    expect(spumoni.output.split(secretKey)).toHaveLength(2);
    expect(spumoni.output.split(accessKey)).toHaveLength(2);
    expect(spumoni.output).toContain(`${spumoni.url}/docs`);
    const client = spumoni.client();
    await client.expect(200, 'PUT', '/v1/kept-bucket', { json: BUCKET });
    await client.expect(200, 'PUT', OBJECT, { body: 'kept', headers: { 'x-amz-meta-color': 'blue' } });
    await expectAllThere();
    expect((await spumoni.client({ secretKey: 'wrong' }).send('GET', '/v1/')).status).toBe(401);
  }, 150_000);

  it('refuses a second start on the same data, naming the first, which goes on', async () => {
    const { dataDirectory } = running();
    const attempt = RunningSpumoni.start({ dataDirectory });
    await expect(attempt).rejects.toThrow(/is in use by process \d+/);
    await expect(attempt).rejects.toThrow(`process ${running().supervisorPid}`);
    await expectAllThere();
  }, 60_000);

  it('stops everything in order at Ctrl-C, with exit code 0', async () => {
    const pids = [...(await running().pidsOf('api')), ...(await running().pidsOf('worker'))];
    expect(pids.length).toBeGreaterThanOrEqual(2);
    expect(await running().interrupt()).toEqual({ code: 0, signal: null });
    const order = ['The API has stopped.', 'The worker has stopped.', 'Everything has stopped.'];
    const at = order.map((line) => running().output.indexOf(line));
    expect(at.every((position) => position > 0)).toBe(true);
    expect([...at].sort((one, other) => one - other)).toEqual(at);
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  }, 60_000);

  it('finds everything as it was at the next start, and prints no credentials', async () => {
    await running().launch();
    await expectAllThere();
    expect(() => printedCredentials(running().latestOutput)).toThrow('no credentials');
    expect(running().latestOutput).not.toContain(running().credentials.secretKey);
  }, 150_000);

  it('loses nothing that was acknowledged to a kill -9 of the supervisor, and starts again', async () => {
    const client = running().client();
    await client.expect(200, 'PUT', objectPath('kept-bucket', 'last'), { body: 'just before the kill' });
    await running().kill();
    await running().launch();
    expect((await client.expect(200, 'GET', objectPath('kept-bucket', 'last'))).text()).toBe('just before the kill');
    await client.expect(200, 'DELETE', objectPath('kept-bucket', 'last'));
    await expectAllThere();
    expect(await running().interrupt()).toEqual({ code: 0, signal: null });
  }, 200_000);
});
