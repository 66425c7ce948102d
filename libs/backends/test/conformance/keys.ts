import { expect } from '@jest/globals';
import { bytesOf } from './bytes.js';
import type { ConformanceCase } from './conformance-case.js';
import type { Stage } from './stage.js';
import { vendorKey } from './vendor-keys.js';

const CONTROL = String.fromCharCode(1, 9, 10, 13, 27, 127);

/** Keys that S3 allows and that something on the way tends to break. */
const ODD_KEYS: Readonly<Record<string, string>> = {
  unicode: 'Grüße/日本語/ファイル.txt',
  astral: 'emoji-😀-\u{10348}-end',
  'not-normalized': 'e\u0301 and \u00e9',
  spaces: ' leading, in  the middle and trailing ',
  percent: '100% %41 %2F %zz',
  plus: 'a+b c',
  query: 'what?versionId=x&y=z',
  hash: 'a#b',
  ampersand: 'a&b;c=d',
  quotes: '\'single\' "double" `back` <tag>',
  backslash: 'dir\\file',
  'trailing-slash': 'folder/',
  'double-slash': 'a//b///c',
  'leading-slash': '/leading',
  'dot-segments': 'a/./b/../c',
  'trailing-dot': 'ends with a dot.',
  control: `control${CONTROL}characters`,
};

async function keep(stage: Stage, key: string): Promise<void> {
  const stored = vendorKey(key, stage.backend.vendor);
  const body = bytesOf(key.length, 100);
  const { token } = await stage.put(stored, body);
  const { head, bytes } = await stage.read(stored, token);
  expect(bytes.equals(body)).toBe(true);
  expect(head.key).toBe(stored);
  expect((await stage.list('current', stored)).map((entry) => entry.key)).toContain(stored);
  expect(await stage.delete(stored, token)).toBe('deleted');
}

const oddKeyCases = Object.entries(ODD_KEYS).map(([name, key]): ConformanceCase => ({
  id: `keys/${name}`,
  title: `the key ${JSON.stringify(key)} is kept exactly`,
  run: (stage) => keep(stage, key),
}));

export const keyCases: readonly ConformanceCase[] = [
  ...oddKeyCases,
  {
    id: 'keys/longest',
    title: 'a key of 1,024 bytes is kept exactly',
    run: (stage) => keep(stage, `long/${'k'.repeat(1019)}`),
  },
  {
    id: 'keys/distinct',
    title: 'keys that differ only in case, escapes or normal form are different keys',
    async run(stage) {
      const base = stage.key('same');
      const names = ['/a', '/A', '/%61', '/e\u0301', '/\u00e9', '/a ', '/a+'];
      const keys = names.map((name) => vendorKey(base + name, stage.backend.vendor));
      for (const [index, key] of keys.entries()) await stage.put(key, bytesOf(index, 10 + index));
      for (const [index, key] of keys.entries()) expect((await stage.head(key)).size).toBe(10 + index);
    },
  },
];
