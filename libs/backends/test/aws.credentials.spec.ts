import { afterEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openAws } from '../src/aws/index.js';
import { NO_MACHINE_IDENTITY } from '../src/index.js';
import type { BackendCredentials, BackendDefinition, MachineIdentity, ObjectBackend } from '../src/index.js';
import { failure } from './conformance/stage.js';
import { listen, readAll } from './gcs-loopback.js';
import type { Answer, Loopback } from './gcs-loopback.js';

const ROLE = 'arn:aws:iam::123456789012:role/spumoni';
const call = { requestId: 'test' };
const which = { container: 'bucket', key: 'k' };
const hidden = (text: string) => ({ reveal: () => text });
const KEYS: BackendCredentials = { accessKey: 'LONG', secretKey: hidden('long-lived') };

const running: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await one.close();
});

interface Installation {
  readonly backend: ObjectBackend;
  readonly storage: Loopback;
  readonly sts: Loopback;
  readonly forms: URLSearchParams[];
  readonly clock: { now: number };
}

const ok: Answer = (incoming, answer) => {
  incoming.resume();
  answer.writeHead(200, { 'content-length': '0', etag: '"e"', 'x-amz-request-id': '1' }).end();
};

/** An STS that gives TEMP1, TEMP2, …, an hour each by the clock of the test, or whatever `instead` answers. */
async function install(
  credentials: BackendCredentials,
  { serve = ok, instead, machine }: { serve?: Answer; instead?: Answer; machine?: Partial<MachineIdentity> } = {},
): Promise<Installation> {
  const clock = { now: Date.parse('2026-03-01T00:00:00Z') };
  const forms: URLSearchParams[] = [];
  const sts = await listen(async (incoming, answer) => {
    const form = new URLSearchParams((await readAll(incoming)).toString());
    forms.push(form);
    if (instead) {
      await instead(incoming, answer);
      return;
    }
    const action = form.get('Action') ?? '';
    const expiration = new Date(clock.now + 3_600_000).toISOString();
    answer.writeHead(200, { 'content-type': 'text/xml' }).end(
      `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><${action}Result><Credentials>
       <AccessKeyId>TEMP${forms.length}</AccessKeyId><SecretAccessKey>secret${forms.length}</SecretAccessKey>
       <SessionToken>session${forms.length}</SessionToken><Expiration>${expiration}</Expiration></Credentials>
       </${action}Result></${action}Response>`,
    );
  });
  const storage = await listen(serve);
  const definition: BackendDefinition = {
    ...{ name: 'b', type: 's3', endpoint: storage.origin, credentials },
    options: { insecure: true, stsEndpoint: sts.origin },
  };
  const endpoints = new Set([storage.origin, sts.origin]);
  const backend = openAws(definition, { ...NO_MACHINE_IDENTITY, endpoints, ...machine }, () => clock.now);
  running.push(backend, storage, sts);
  return { backend, storage, sts, forms, clock };
}

const signedBy = ({ seen }: Loopback): string[] =>
  seen.map(({ headers }) => {
    const key = /Credential=(\w+)\//.exec(headers.authorization ?? '')?.[1] ?? '';
    return `${key} ${String(headers['x-amz-security-token'])}`;
  });

/** Refuses one key as AWS does when it has ended. */
const refusing =
  (accessKey: string, code = 'ExpiredToken'): Answer =>
  (incoming, answer) => {
    if (!incoming.headers.authorization?.includes(`Credential=${accessKey}/`)) return ok(incoming, answer);
    incoming.resume();
    answer.writeHead(400, { 'content-type': 'application/xml', 'x-amz-request-id': '1' });
    answer.end(incoming.method === 'HEAD' ? '' : `<Error><Code>${code}</Code><Message>no more</Message></Error>`);
  };

describe('a role that is assumed', () => {
  it('is asked for with its external id and session name, by the long-lived keys, and signs with the session token', async () => {
    const { backend, storage, sts, forms } = await install({
      ...KEYS,
      ...{ roleArn: ROLE, externalId: hidden('told-by-them'), sessionName: 'me' },
    });
    await backend.delete(call, { ...which, token: '"e"' }).catch(() => undefined);
    expect(Object.fromEntries(forms[0] ?? [])).toMatchObject({
      ...{ Action: 'AssumeRole', RoleArn: ROLE, ExternalId: 'told-by-them', RoleSessionName: 'me' },
    });
    expect(sts.seen[0]?.headers.authorization).toMatch(/Credential=LONG\/\d+\/us-east-1\/sts\/aws4_request/);
    expect(new Set(signedBy(storage))).toEqual(new Set(['TEMP1 session1']));
  });

  it('is assumed once for many calls at once, and again shortly before its end', async () => {
    const { backend, storage, forms, clock } = await install({ ...KEYS, roleArn: ROLE });
    await Promise.all(Array.from({ length: 20 }, () => backend.head(call, which).catch(() => undefined)));
    expect(forms).toHaveLength(1);
    clock.now += 55 * 60_000;
    await Promise.all(Array.from({ length: 20 }, () => backend.head(call, which).catch(() => undefined)));
    expect(forms).toHaveLength(2);
    expect(signedBy(storage).at(-1)).toBe('TEMP2 session2');
  });

  it.each(['GET', 'HEAD', 'PUT'])('is assumed anew once when %s is refused because it has ended', async (method) => {
    const { backend, storage, forms, clock } = await install({ ...KEYS, roleArn: ROLE }, { serve: refusing('TEMP1') });
    await backend.listContainers(call).catch(() => undefined);
    clock.now += 60_000;
    const before = storage.seen.length;
    const run = {
      GET: () => backend.get(call, which),
      HEAD: () => backend.head(call, which),
      PUT: () =>
        backend.put(call, {
          ...which,
          ...{ body: Buffer.from('x'), size: 1, attributes: { headers: {}, metadata: {}, tags: {} } },
        }),
    }[method];
    await run?.().catch(() => undefined);
    expect(signedBy(storage).slice(before, before + 2)).toEqual(['TEMP1 session1', 'TEMP2 session2']);
    expect(forms).toHaveLength(2);
  });

  it('is assumed anew for the calls that the SDK makes, too', async () => {
    const { backend, storage, forms, clock } = await install({ ...KEYS, roleArn: ROLE }, { serve: refusing('TEMP1') });
    await backend.head(call, which).catch(() => undefined);
    clock.now += 60_000;
    await backend.listContainers(call).catch(() => undefined);
    expect(signedBy(storage).at(-1)).toBe('TEMP2 session2');
    expect(forms).toHaveLength(2);
  });

  it('is not assumed again for a refusal that another would meet as well', async () => {
    const { backend, forms, clock } = await install(
      { ...KEYS, roleArn: ROLE },
      { serve: refusing('TEMP1', 'AccessDenied') },
    );
    await failure(backend.get(call, which), 'denied');
    clock.now += 60_000;
    const refused = await failure(backend.get(call, which), 'denied');
    expect(refused.vendorCode).toBe('AccessDenied');
    expect(forms).toHaveLength(1);
  });

  it('that may not be assumed is denied with the reason, and an STS that is out is an outage', async () => {
    const denied = await install(
      { ...KEYS, roleArn: ROLE },
      {
        instead: (_, answer) =>
          void answer
            .writeHead(403, { 'content-type': 'text/xml' })
            .end('<ErrorResponse><Error><Code>AccessDenied</Code><Message>not you</Message></Error></ErrorResponse>'),
      },
    );
    const { message } = await failure(denied.backend.head(call, which), 'denied');
    expect(message).toMatch(/got no credentials for the role arn:aws:iam::123456789012:role\/spumoni: not you/);
    expect(message).not.toContain('long-lived');
    const out = await install({ ...KEYS, roleArn: ROLE }, { instead: (_, answer) => void answer.destroy() });
    await failure(out.backend.head(call, which), 'unavailable');
  });
});

describe('a web identity', () => {
  it('is the token that the file holds at each renewal', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'spumoni-token-'));
    const tokenFile = join(directory, 'token');
    await writeFile(tokenFile, 'first');
    const { backend, forms, clock } = await install(
      { source: 'web-identity', roleArn: ROLE, tokenFile },
      { machine: { tokenDirectories: [directory] } },
    );
    await backend.head(call, which).catch(() => undefined);
    await writeFile(tokenFile, 'second');
    clock.now += 3_600_000;
    await backend.head(call, which).catch(() => undefined);
    await rm(directory, { recursive: true });
    expect(
      forms.map((form) => [form.get('Action'), form.get('WebIdentityToken'), form.get('RoleSessionName')]),
    ).toEqual([
      ['AssumeRoleWithWebIdentity', 'first', 'spumoni-b'],
      ['AssumeRoleWithWebIdentity', 'second', 'spumoni-b'],
    ]);
  });
});

describe("the SDK's chain", () => {
  it("finds the environment's keys, where the operator allows it", async () => {
    const before = { ...process.env };
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'AMBIENT', AWS_SECRET_ACCESS_KEY: 'x', AWS_SESSION_TOKEN: 'y' });
    try {
      const { backend, storage } = await install({ source: 'chain' }, { machine: { ambient: new Set(['aws']) } });
      await backend.head(call, which).catch(() => undefined);
      expect(signedBy(storage)).toContain('AMBIENT y');
    } finally {
      for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'])
        if (before[name] === undefined) Reflect.deleteProperty(process.env, name);
    }
  });
});

describe('what the operator has not allowed', () => {
  const S3: BackendDefinition = {
    name: 'b',
    type: 's3',
    endpoint: 'https://s3.example.org',
    credentials: {},
    options: {},
  };
  const AWS: BackendDefinition = { name: 'b', type: 'aws', credentials: {}, options: {} };
  const allowed: MachineIdentity = {
    ambient: new Set(['aws']),
    tokenDirectories: ['/run/tokens'],
    endpoints: new Set(),
  };
  const chain: BackendCredentials = { source: 'chain' };
  const web = (tokenFile: string): BackendCredentials => ({ source: 'web-identity', roleArn: ROLE, tokenFile });

  it.each([
    [
      'a chain',
      { ...AWS, credentials: chain },
      NO_MACHINE_IDENTITY,
      /SPUMONI_AMBIENT_CREDENTIALS would have to name aws/,
    ],
    [
      'a token file',
      { ...AWS, credentials: web('/run/tokens/t') },
      NO_MACHINE_IDENTITY,
      /tokenFile: expected the absolute/,
    ],
    [
      'one beside it',
      { ...AWS, credentials: web('/run/tokens/../t') },
      allowed,
      /tokenFile: expected the absolute path/,
    ],
    ['one that is a neighbour by name', { ...AWS, credentials: web('/run/tokens2/t') }, allowed, /tokenFile: expected/],
    [
      'a chain for a stranger',
      { ...S3, credentials: chain },
      allowed,
      /SPUMONI_IDENTITY_ENDPOINTS would have to name https:\/\/s3\.example/,
    ],
    [
      'a stranger’s STS',
      { ...AWS, credentials: web('/run/tokens/t'), options: { stsEndpoint: 'https://sts.example.org' } },
      allowed,
      /options\.stsEndpoint: this machine's identity is shown to nobody/,
    ],
  ])('%s is refused', (_, definition, machine, message) => {
    expect(() => openAws(definition, machine)).toThrow(message);
  });

  it('is not asked of keys, and what is allowed opens', async () => {
    await openAws({ ...AWS, credentials: KEYS }).close();
    await openAws({ ...S3, credentials: { ...KEYS, roleArn: ROLE } }).close();
    await openAws({ ...AWS, credentials: chain }, allowed).close();
    await openAws({ ...AWS, credentials: web('/run/tokens/t') }, allowed).close();
    const endpoints = new Set(['https://s3.example.org']);
    await openAws({ ...S3, credentials: chain }, { ...allowed, endpoints }).close();
  });
});
