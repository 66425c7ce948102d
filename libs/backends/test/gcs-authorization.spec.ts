import { afterEach, describe, expect, it } from '@jest/globals';
import { createVerify, generateKeyPairSync } from 'node:crypto';
import { openGcs } from '../src/gcs/index.js';
import type { ObjectBackend } from '../src/index.js';
import { causes, failure } from './conformance/stage.js';
import { definitionOf, json, listen, readAll, refusal, resourceOf } from './gcs-loopback.js';
import type { Answer, Loopback } from './gcs-loopback.js';

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const EMAIL = 'spumoni@project.iam.gserviceaccount.com';
const call = { requestId: 'test' };
const which = { container: 'bucket', key: 'k' };

const running: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await one.close();
});

interface Installation {
  readonly backend: ObjectBackend;
  readonly storage: Loopback;
  readonly tokens: Loopback;
  readonly clock: { now: number };
}

/** A token endpoint, a GCS that serves one object, and a backend with a service account and a clock of the test's own. */
async function install(
  grant: Answer,
  serve: Answer = (_, answer) => json(answer, 200, resourceOf()),
): Promise<Installation> {
  const clock = { now: Date.parse('2026-03-01T00:00:00Z') };
  const tokens = await listen(grant);
  const storage = await listen(serve);
  const document = {
    type: 'service_account',
    private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    private_key_id: 'key-1',
    client_email: EMAIL,
    token_uri: `${tokens.origin}/token`,
  };
  const serviceAccount = { reveal: () => JSON.stringify(document) };
  const backend = openGcs(
    definitionOf(storage.origin, { credentials: { serviceAccount } }),
    undefined,
    () => clock.now,
  );
  running.push(backend, tokens, storage);
  return { backend, storage, tokens, clock };
}

/** Grants `token-1`, `token-2`, … for an hour each. */
function counting(): Answer {
  let count = 0;
  return async (incoming, answer) => {
    await readAll(incoming);
    json(answer, 200, { access_token: `token-${++count}`, expires_in: 3600, token_type: 'Bearer' });
  };
}

const bearers = ({ seen }: Loopback): (string | undefined)[] => seen.map(({ headers }) => headers.authorization);

describe('access tokens of a service account', () => {
  it('are not asked of a metadata service, whatever address its key names', async () => {
    const storage = await listen((_, answer) => json(answer, 200, resourceOf()));
    const document = {
      type: 'service_account',
      private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      client_email: EMAIL,
      token_uri: 'http://169.254.169.254/token',
    };
    const serviceAccount = { reveal: () => JSON.stringify(document) };
    const backend = openGcs(definitionOf(storage.origin, { credentials: { serviceAccount } }));
    running.push(backend, storage);
    const { message } = await failure(backend.head(call, which), 'invalid');
    expect(message).toMatch(/cannot be at the address of a metadata service/);
    expect(storage.seen).toEqual([]);
  });

  it('are asked for by an assertion that the account signed (RFC 7523)', async () => {
    let form = new URLSearchParams();
    const { backend, storage, tokens, clock } = await install(async (incoming, answer) => {
      form = new URLSearchParams((await readAll(incoming)).toString());
      json(answer, 200, { access_token: 'granted', expires_in: 3599 });
    });
    await backend.head(call, which);
    expect(bearers(storage)).toEqual(['Bearer granted']);
    expect(form.get('grant_type')).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer');
    const [header = '', claims = '', signature = ''] = (form.get('assertion') ?? '').split('.');
    const verify = createVerify('RSA-SHA256').update(`${header}.${claims}`);
    expect(verify.verify(publicKey, signature, 'base64url')).toBe(true);
    expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toEqual({ alg: 'RS256', typ: 'JWT', kid: 'key-1' });
    const iat = clock.now / 1000;
    expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toEqual({
      ...{ iss: EMAIL, aud: `${tokens.origin}/token`, iat, exp: iat + 3600 },
      scope: 'https://www.googleapis.com/auth/devstorage.full_control',
    });
  });

  it('are fetched once for many calls at once, and kept until shortly before their end', async () => {
    const { backend, storage, tokens, clock } = await install(counting());
    await Promise.all(Array.from({ length: 20 }, () => backend.head(call, which)));
    clock.now += 54 * 60_000;
    await backend.head(call, which);
    expect(tokens.seen).toHaveLength(1);
    clock.now += 60_000;
    await Promise.all(Array.from({ length: 5 }, () => backend.head(call, which)));
    expect(tokens.seen).toHaveLength(2);
    expect(new Set(bearers(storage))).toEqual(new Set(['Bearer token-1', 'Bearer token-2']));
    expect(bearers(storage).at(-1)).toBe('Bearer token-2');
  });

  it('are fetched anew once GCS refused one, but not again within ten seconds', async () => {
    const { backend, storage, clock } = await install(counting(), (incoming, answer) => {
      if (incoming.headers.authorization === 'Bearer token-1')
        json(answer, 401, refusal(401, 'authError', 'Invalid Credentials'));
      else json(answer, 200, resourceOf());
    });
    await failure(backend.head(call, which), 'denied');
    clock.now += 10_000;
    await backend.head(call, which);
    expect(bearers(storage)).toEqual(['Bearer token-1', 'Bearer token-1', 'Bearer token-2']);
  });

  it('that are refused fail with denied, say why, and are asked for again by the next call', async () => {
    let revoked = true;
    const { backend, storage } = await install((_, answer) => {
      if (revoked) json(answer, 400, { error: 'invalid_grant', error_description: 'Invalid JWT Signature.' });
      else json(answer, 200, { access_token: 'granted', expires_in: 3600 });
    });
    const refused = await failure(backend.head(call, which), 'denied');
    expect(refused.message).toMatch(/spumoni@project.*invalid_grant: Invalid JWT Signature/);
    expect(refused.vendorCode).toBe('invalid_grant');
    expect(storage.seen).toEqual([]);
    expect((await failure(backend.probe(call, 'spumoni-probe'), 'denied')).message).toMatch(
      /cannot be used.*invalid_grant/,
    );
    revoked = false;
    await backend.head(call, which);
  });

  it('are an outage where the endpoint is out, slow or somebody else', async () => {
    const answers: Answer[] = [
      (_, answer) => void answer.writeHead(503).end('<html>busy</html>'),
      (_, answer) => void answer.writeHead(200).end('<html>welcome</html>'),
      (_, answer) => json(answer, 200, { access_token: '' }),
      (_, answer) => void answer.destroy(),
    ];
    for (const answer of answers) {
      const { backend } = await install(answer);
      await failure(backend.head(call, which), 'unavailable');
    }
  });

  it('are waited for no longer than the call is wanted, and still serve the others', async () => {
    const { promise: hold, resolve: release } = Promise.withResolvers<undefined>();
    const asked = Promise.withResolvers<undefined>();
    const { backend, tokens } = await install(async (_, answer) => {
      asked.resolve(undefined);
      await hold;
      json(answer, 200, { access_token: 'late', expires_in: 3600 });
    });
    const controller = new AbortController();
    const reason = new Error('given up');
    const impatient = failure(backend.head({ ...call, signal: controller.signal }, which), 'timeout');
    const patient = backend.head(call, which);
    await asked.promise;
    controller.abort(reason);
    expect(causes(await impatient)).toContain(reason);
    release(undefined);
    expect((await patient).size).toBe(3);
    expect(tokens.seen).toHaveLength(1);
  });
});
