import type { Call } from '../object-backend.js';
import { garbage } from './errors.js';
import type { AzureClient } from './requests.js';

type Tags = Readonly<Record<string, string>>;
type Where = { readonly container: string; readonly key: string };

const DOCUMENT_BYTES = 64 * 1024;

/** Get Blob Tags. */
export async function readTags(client: AzureClient, call: Call, { container, key }: Where): Promise<Tags> {
  const request = { verb: 'read the tags of', method: 'GET', container, key, query: { comp: 'tags' } } as const;
  const answer = await client.send(request, call);
  const text = Buffer.from(await answer.body.collect(DOCUMENT_BYTES)).toString();
  if (!text.includes('<Tags')) throw garbage(client.backend, `read the tags of ${key} in ${container}`);
  const pairs = text.matchAll(/<Key>([^<]*)<\/Key>\s*(?:<Value>([^<]*)<\/Value>|<Value ?\/>)/g);
  return Object.fromEntries([...pairs].map(([, name = '', value = '']) => [fromXml(name), fromXml(value)]));
}

/** Set Blob Tags: all of them. Changes no ETag, and takes no ETag for a condition: hold a lease. */
export async function writeTags(
  client: AzureClient,
  call: Call,
  blob: Where & { tags: Tags; headers: Tags },
): Promise<void> {
  const { container, key, tags } = blob;
  const set = Object.entries(tags).map(
    ([name, value]) => `<Tag><Key>${toXml(name)}</Key><Value>${toXml(value)}</Value></Tag>`,
  );
  const body = Buffer.from(`<?xml version="1.0" encoding="utf-8"?><Tags><TagSet>${set.join('')}</TagSet></Tags>`);
  const headers = { 'content-type': 'application/xml', ...blob.headers };
  await client.sendPlain(
    { verb: 'set the tags of', method: 'PUT', container, key, query: { comp: 'tags' }, headers, body },
    call,
  );
}

const ENTITIES: Tags = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&apos;': "'" };

function fromXml(text: string): string {
  return text.replace(/&(?:amp|lt|gt|quot|apos);/g, (entity) => ENTITIES[entity] ?? entity);
}

/** Blob tags have no character that XML would change; it costs nothing to be sure. */
function toXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
