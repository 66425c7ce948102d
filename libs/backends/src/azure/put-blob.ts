import type { Call, PutRequest, WriteCondition, WriteResult } from '../object-backend.js';
import { attributeHeaders, tierOf } from './attributes.js';
import { garbage } from './errors.js';
import { ifToken, unquoted } from './requests.js';
import type { AzureClient } from './requests.js';

/** The headers that keep a write's condition. */
export function conditionHeaders(backend: string, condition: WriteCondition | undefined): Record<string, string> {
  if (condition === undefined) return {};
  return 'ifAbsent' in condition ? { 'if-none-match': '*' } : ifToken(backend, condition.ifToken);
}

/** Put Blob. */
export async function putBlob(
  client: AzureClient,
  call: Call,
  request: PutRequest & { readonly size: number },
): Promise<WriteResult> {
  const { container, key, body, size, attributes, condition } = request;
  const { backend } = client;
  const headers = {
    'x-ms-blob-type': 'BlockBlob',
    ...attributeHeaders(backend, attributes),
    ...conditionHeaders(backend, condition),
  };
  const answered = await client.sendPlain(
    { verb: 'put', method: 'PUT', container, key, headers, body, contentLength: size },
    call,
  );
  const md5 = answered['content-md5'];
  return {
    ...writtenAs(client, { container, key }, answered),
    size,
    ...(md5 ? { md5: Buffer.from(md5, 'base64').toString('hex') } : {}),
    storageClass: tierOf(backend, attributes),
  };
}

/** The token that an answer gives. `unavailable` without one: what stands there now, a HEAD will tell. */
export function writtenAs(
  client: AzureClient,
  { container, key }: { container: string; key: string },
  answered: Readonly<Record<string, string>>,
): { token: string; vendorEtag: string } {
  const etag = unquoted(answered['etag'] ?? '');
  if (etag === '') throw garbage(client.backend, `write ${key} in ${container}`, ', without an ETag');
  return { token: etag, vendorEtag: etag };
}
