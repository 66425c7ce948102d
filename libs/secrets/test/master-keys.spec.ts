import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  KeyRing,
  makeMasterKey,
  MasterKey,
  MasterKeyError,
  MissingKeyError,
  openEnvelope,
  parseMasterKeys,
  readMasterKeys,
  sealEnvelope,
  Secret,
  type KeyManagement,
} from '#libs/secrets';

const one = new MasterKey(Buffer.alloc(32, 1));
const two = new MasterKey(Buffer.alloc(32, 2));
const hex = (key: MasterKey): string => Buffer.from(key.secret.revealBytes()).toString('hex');
const base64 = (key: MasterKey): string => Buffer.from(key.secret.revealBytes()).toString('base64');

const PLAIN = Uint8Array.from(Array(32).keys());
/** A KMS that turns bytes around and puts its name before them. */
const turning: KeyManagement = {
  name: 'turning',
  generate: () => {
    const wrapped = Buffer.concat([Buffer.alloc(40, 'k'), Buffer.from(PLAIN).reverse()]);
    return Promise.resolve({ plain: PLAIN, wrapped });
  },
  unwrap: (wrapped) => Promise.resolve(Uint8Array.from(wrapped).reverse().subarray(0, 32)),
  close: () => undefined,
};

describe('master keys in a text', () => {
  it('are read in hex and in base64, each once, in their order', async () => {
    const keys = await parseMasterKeys(`${hex(one)}\n${base64(two)}, ${base64(one)}\n`, 'it');
    expect(keys.map(({ id }) => id)).toEqual([one.id, two.id]);
    expect(await parseMasterKeys(' \n', 'it')).toEqual([]);
  });

  it('are refused without being quoted when they are anything else', async () => {
    for (const text of ['abc', hex(one).slice(1), `${base64(one)}=`, Buffer.alloc(31, 1).toString('base64')]) {
      const error: unknown = await parseMasterKeys(text, 'the setting').catch((failure: unknown) => failure);
      expect(error).toBeInstanceOf(MasterKeyError);
      expect(String(error)).toMatch(/^MasterKeyError: the setting is damaged/);
      expect(String(error)).not.toContain(text);
    }
  });

  it('are unwrapped by a KMS, and said to need one where there is none', async () => {
    const { wrapped } = await turning.generate();
    const text = Buffer.from(wrapped).toString('base64');
    expect((await parseMasterKeys(text, 'it', turning)).map(({ id }) => id)).toEqual([new MasterKey(PLAIN).id]);
    await expect(parseMasterKeys(text, 'it')).rejects.toThrow('SPUMONI_KMS_KEY');
  });
});

describe('a ring of master keys', () => {
  it('seals by the current one, as it is at that moment, and opens by all', () => {
    let current = one.id;
    const ring = new KeyRing([one, two], () => current);
    const sealed = sealEnvelope(ring, new Secret('a'), ['x']);
    current = two.id;
    const later = sealEnvelope(ring, new Secret('b'), ['x']);
    expect(openEnvelope(one, sealed, ['x']).reveal()).toBe('a');
    expect(openEnvelope(two, later, ['x']).reveal()).toBe('b');
    expect([sealed, later].map((text) => openEnvelope(ring, text, ['x']).reveal())).toEqual(['a', 'b']);
    expect(ring.ids).toEqual([one.id, two.id]);
  });

  it('names the key that it lacks', () => {
    const ring = new KeyRing([one], () => two.id);
    expect(() => ring.current).toThrow(MissingKeyError);
    expect(() => ring.current).toThrow(two.id);
    expect(ring.hasCurrent).toBe(false);
  });
});

describe('a master key file', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'spumoni-keys-'));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it('holds one key a line, and takes more at its end', async () => {
    const path = join(directory, 'several');
    const [made] = await makeMasterKey({ path });
    writeFileSync(path, `${readFileSync(path, 'utf8')}${hex(two)}\n`);
    expect((await readMasterKeys({ path })).map(({ id }) => id)).toEqual([made?.id, two.id]);
  });

  it('holds nothing secret when a KMS wraps it', async () => {
    const file = { path: join(directory, 'wrapped'), kms: turning };
    const [made] = await makeMasterKey(file);
    expect(made?.id).toBe(new MasterKey(PLAIN).id);
    expect(readFileSync(file.path, 'utf8')).not.toContain(Buffer.from(PLAIN).toString('base64').slice(0, 20));
    expect(statSync(file.path).mode & 0o777).toBe(0o600);
    expect((await readMasterKeys(file)).map(({ id }) => id)).toEqual([made?.id]);
    await expect(readMasterKeys({ path: file.path })).rejects.toThrow('SPUMONI_KMS_KEY');
  });
});
