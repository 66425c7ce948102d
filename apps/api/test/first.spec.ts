import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Stand } from './stand.js';

describe('first slice', () => {
  let stand: Stand;
  beforeAll(async () => {
    stand = await Stand.start();
  });
  afterAll(async () => stand?.stop());

  it('serves', async () => {
    expect((await stand.ask('GET', '/healthz', { authorization: '' })).status).toBe(200);
    const ready = await stand.ask('GET', '/readyz', { authorization: '' });
    expect(ready.json).toMatchObject({ ready: true });
    expect((await stand.ask('GET', '/v1/', { authorization: '' })).status).toBe(401);
    const made = await stand.ask('PUT', '/v1/first', { json: { type: 'filesystem', backend: 'local' } });
    expect(made.json).toMatchObject({ returnCode: 200 });
    const put = await stand.ask('PUT', '/v1/first/a%2Fb//c', { body: 'hello', headers: { 'x-amz-meta-a': 'b' } });
    expect(put.json).toMatchObject({ returnCode: 200, key: 'a/b//c', size: 5 });
    const got = await stand.ask('GET', '/v1/first/a/b//c');
    expect(got.bytes.toString()).toBe('hello');
    console.log(Object.fromEntries(got.headers));
    const list = await stand.ask('GET', '/v1/first?prefix=a/');
    console.log(list.json);
    console.log((await stand.ask('GET', '/v1/')).json, (await stand.ask('GET', '/v1')).json);
    console.log((await stand.ask('GET', '/nowhere')).json);
    console.log((await stand.ask('GET', '/v1/first/%zz')).json);
    console.log((await stand.ask('GET', '/v1/%zz')).json);
    console.log((await stand.ask('PUT', '/v1/other', { body: '{"a": tru}', headers: { 'content-type': 'foo' } })).json);
    console.log((await stand.ask('GET', '/docs')).status);
  });
});
