import { expect } from '@jest/globals';
import type { ObjectAttributes, ObjectHead } from '../../src/index.js';
import { bytesOf, streamOf } from './bytes.js';
import type { ConformanceCase } from './conformance-case.js';
import { PLAIN, type Stage } from './stage.js';

/** Everything that may stand beside an object, each with a value that something on the way tends to change. */
export const RICH: ObjectAttributes = {
  headers: {
    contentType: 'text/plain; charset=utf-8',
    cacheControl: 'private, max-age=60',
    contentDisposition: 'attachment; filename="a b.txt"',
    contentEncoding: 'identity',
    contentLanguage: 'de-CH, en',
    expires: 'Wed, 21 Oct 2065 07:28:00 GMT',
  },
  metadata: { plain: 'value', 'with-dash': '1', with_underscore: '2', 'with.dot': '3' },
  tags: { project: 'spumoni', 'a b': 'c/d=e+f' },
  writeId: '01JD0000000000000000000001',
};

/** That a head shows these attributes and no others. */
export function expectAttributes(head: ObjectHead, attributes: ObjectAttributes): void {
  const { contentType, ...headers } = head.headers;
  expect(headers).toEqual({ ...attributes.headers, contentType: undefined });
  if (attributes.headers.contentType !== undefined) expect(contentType).toBe(attributes.headers.contentType);
  expect(head.metadata).toEqual(attributes.metadata);
  if (head.tags !== undefined) expect(head.tags).toEqual(attributes.tags);
  expect(head.writeId).toBe(attributes.writeId);
  if (attributes.storageClass !== undefined) expect(head.storageClass).toBe(attributes.storageClass);
}

async function survives(stage: Stage, name: string, attributes: ObjectAttributes): Promise<void> {
  const key = stage.key(name);
  const { token } = await stage.put(key, bytesOf(81, 100), { attributes });
  const head = await stage.head(key, token);
  expect(head.tags).toBeDefined();
  expectAttributes(head, attributes);
  expectAttributes((await stage.read(key, token)).head, attributes);
}

export const attributeCases: readonly ConformanceCase[] = [
  {
    id: 'attributes/all',
    title: 'headers, metadata, tags and the write id come back as they were sent',
    run: (stage) => survives(stage, 'rich', RICH),
  },
  {
    id: 'attributes/none',
    title: 'nothing is made up where nothing was set',
    run: (stage) => survives(stage, 'bare', PLAIN),
  },
  {
    id: 'attributes/stream',
    title: 'a large stream of unknown length keeps its attributes too',
    timeoutMs: 120_000,
    async run(stage) {
      if (!stage.backend.capabilities.multipart) return;
      const key = stage.key('rich-stream');
      const body = streamOf(82, stage.bigObjectBytes);
      const { token } = await stage.put(key, body, { attributes: RICH });
      expectAttributes(await stage.head(key, token), RICH);
    },
  },
  {
    id: 'attributes/content-encoding',
    title: 'a content encoding is kept, and the bytes are not decoded',
    async run(stage) {
      const key = stage.key('gzip');
      const attributes = { ...PLAIN, headers: { contentEncoding: 'gzip', contentType: 'text/plain' } };
      const { token } = await stage.put(key, bytesOf(83, 1000), { attributes });
      const { head, bytes } = await stage.read(key, token);
      expect(bytes.equals(bytesOf(83, 1000))).toBe(true);
      expect(head.size).toBe(1000);
      expect(head.headers.contentEncoding).toBe('gzip');
    },
  },
  {
    id: 'attributes/metadata-names',
    title: 'every legal metadata name is kept',
    run: (stage) =>
      survives(stage, 'names', {
        ...PLAIN,
        metadata: { '1digit': 'a', "!#$%&'*+-.^_`|~": 'b', 'a--b__c..d': 'c', _: 'd', 'x-amz-meta-nested': 'e' },
      }),
  },
  {
    id: 'attributes/metadata-values',
    title: 'metadata values of any script, and those that look escaped, are kept',
    run: (stage) =>
      survives(stage, 'values', {
        ...PLAIN,
        metadata: {
          latin: 'ünïcödé',
          cjk: '日本語',
          astral: '😀',
          empty: '',
          percent: '%41 100%',
          encoded: '=?UTF-8?Q?a=C3=BC?=',
          json: '{"a":[1,"2"]}',
          quotes: `"double", 'single'; \\back`,
        },
      }),
  },
  {
    id: 'attributes/tags',
    title: 'ten tags of any script are kept',
    run: (stage) =>
      survives(stage, 'tags', {
        ...PLAIN,
        tags: Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`tag-${n}`, `value ${n} +-=._:/@`])),
      }),
  },
  {
    id: 'attributes/replaced',
    title: 'an overwrite inherits nothing',
    async run(stage) {
      const key = stage.key('replaced');
      await stage.put(key, bytesOf(84, 10), { attributes: RICH });
      const { token } = await stage.put(key, bytesOf(85, 10), { attributes: PLAIN });
      expectAttributes(await stage.head(key, token), PLAIN);
    },
  },
  {
    id: 'attributes/storage-class',
    title: 'every class that capabilities name is stored in and reported',
    timeoutMs: 120_000,
    async run(stage) {
      for (const storageClass of stage.backend.capabilities.storageClasses) {
        const key = stage.key(`class-${storageClass}`);
        const written = await stage.put(key, bytesOf(86, 200), { attributes: { ...RICH, storageClass } });
        expect(written.storageClass).toBe(storageClass);
        const head = await stage.head(key, written.token);
        expect(head.storageClass).toBe(storageClass);
        expectAttributes(head, { ...RICH, storageClass });
      }
    },
  },
  {
    id: 'attributes/default-class',
    title: 'a write that names no class goes to the default, which is reported',
    async run(stage) {
      const key = stage.key('default-class');
      const written = await stage.put(key, bytesOf(87, 20));
      expect(written.storageClass).toBe(stage.backend.capabilities.storageClasses[0]);
      expect((await stage.head(key)).storageClass).toBe(written.storageClass);
    },
  },
];
