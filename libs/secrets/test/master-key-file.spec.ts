import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect, promisify } from 'node:util';
import { makeMasterKey, MasterKey, MasterKeyError, readMasterKeys } from '#libs/secrets';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'spumoni-key-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function load(path: string): Promise<MasterKey> {
  const [key] = [...(await readMasterKeys({ path })), ...(await makeMasterKey({ path }))];
  if (!key) throw new Error('no key');
  return key;
}

describe('master key file', () => {
  it('is made on first use, closed to others, and read ever after', async () => {
    const path = join(directory, 'first');
    expect(await readMasterKeys({ path })).toEqual([]);
    const made = await load(path);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect((await load(path)).id).toBe(made.id);
    expect(made.id).toMatch(/^[0-9a-f]{8}$/);
    expect(inspect(made)).not.toContain(readFileSync(path, 'utf8').trim());
  });

  it('is refused while other accounts could read or write it', async () => {
    const path = join(directory, 'open');
    await load(path);
    for (const mode of [0o640, 0o604, 0o620, 0o601]) {
      chmodSync(path, mode);
      await expect(load(path)).rejects.toThrow(/open to other accounts.*chmod 600/);
    }
  });

  const asRoot = process.geteuid?.() === 0;
  (asRoot ? it : it.skip)(
    `of another account is taken where its group alone may read it, as an orchestrator hands it over${asRoot ? '' : ' [skipped: needs root]'}`,
    async () => {
      const path = join(directory, 'handed-over');
      const { id } = await load(path);
      chownSync(path, 1, 0);
      for (const mode of [0o440, 0o640]) {
        chmodSync(path, mode);
        expect((await load(path)).id).toBe(id);
      }
      for (const mode of [0o460, 0o444, 0o442, 0o450]) {
        chmodSync(path, mode);
        await expect(load(path)).rejects.toThrow(/open to other accounts/);
      }
    },
  );

  it('is never replaced when damaged', async () => {
    const path = join(directory, 'damaged');
    for (const content of ['', 'abc', 'g'.repeat(64), 'a'.repeat(63)]) {
      writeFileSync(path, content, { mode: 0o600 });
      await expect(load(path)).rejects.toThrow(/damaged.*64 hex digits/);
      expect(readFileSync(path, 'utf8')).toBe(content);
    }
  });

  it('says so when its directory is missing, or it is no file', async () => {
    await expect(load(join(directory, 'missing', 'key'))).rejects.toThrow(MasterKeyError);
    await expect(load(directory)).rejects.toThrow();
  });

  it('is one and the same for processes that make it at once, and leaves nothing beside it', async () => {
    const race = mkdtempSync(join(directory, 'race-'));
    const program = join(import.meta.dirname, 'fixtures', 'load-key.mjs');
    const run = promisify(execFile);
    const results = await Promise.all(
      Array.from({ length: 6 }, () => run(process.execPath, ['--conditions=source', program, join(race, 'key')])),
    );
    expect(new Set(results.map(({ stdout }) => stdout)).size).toBe(1);
    expect(results[0]?.stdout).toMatch(/^[0-9a-f]{8}$/);
    expect(readdirSync(race)).toEqual(['key']);
  });

  it('has exactly 32 bytes', () => {
    expect(() => new MasterKey(new Uint8Array(31))).toThrow(/32 bytes, and this one 31/);
  });
});
