import { BackendError } from '../errors.js';
import type { Call, CopyRequest, WriteResult } from '../object-backend.js';
import { attributeHeaders } from './attributes.js';
import { promote } from './promote.js';
import { headOf, properties } from './read.js';
import type { AzureClient } from './requests.js';

/**
 * Copies within the account, bytes untouched by Spumoni and all attributes given (see promote.ts). `precondition` where another write than the
 * token's stands at the source, `conflict` with the code BlobArchived where its bytes must be restored first.
 */
export async function copyObject(client: AzureClient, call: Call, request: CopyRequest): Promise<WriteResult> {
  const { source, ...target } = request;
  attributeHeaders(client.backend, request.attributes);
  const head = headOf(client, source, await properties(client, call, source));
  if (head.archived === true)
    throw new BackendError('conflict', `${source.key} is archived and must be restored before it can be copied`, {
      backend: client.backend,
      vendorCode: 'BlobArchived',
    });
  const md5 = head.md5 === undefined ? {} : { md5: head.md5 };
  return await promote(client, call, { source, size: head.size, target, ...md5 });
}
