import type { IncomingHttpHeaders } from 'node:http';
import type { UploadWish } from '#libs/deployment';
import { RequestError } from '../http/request-error.js';
import { attributesOf, storageClassOf } from '../objects/request-attributes.js';
import { writeConditions } from '../objects/request-conditions.js';
import { expectationsOf } from '../objects/request-expectations.js';

/**
 * What the headers of the request that begins an upload say of the object: as those of a PUT do, and digests are of the whole content. But `Content-Type` is that of the request, so the object's comes
 * in `Upload-Metadata`, as `filetype` or `contentType`, where the clients of tus put it.
 */
export function wishOf(key: string, headers: IncomingHttpHeaders): UploadWish {
  const { 'content-type': _, 'content-length': __, ...others } = headers;
  const attributes = attributesOf(others);
  const contentType = contentTypeOf(headers['upload-metadata']);
  const storageClass = storageClassOf(headers);
  const conditions = writeConditions(headers);
  const { md5, checksums } = expectationsOf(others);
  const echo = headers['upload-metadata'];
  return {
    key,
    attributes: {
      ...attributes,
      headers: { ...attributes.headers, ...(contentType === undefined ? {} : { contentType }) },
    },
    expected: { ...(md5 === undefined ? {} : { md5 }), ...(checksums ? { checksums } : {}) },
    ...(storageClass === undefined ? {} : { storageClass }),
    ...(conditions ? { conditions } : {}),
    ...(typeof echo === 'string' ? { echo } : {}),
  };
}

/** The value of `filetype` or `contentType` in `Upload-Metadata` (tus 1.0, creation): names, each with a base64 value. */
function contentTypeOf(metadata: string | string[] | undefined): string | undefined {
  if (typeof metadata !== 'string') return undefined;
  for (const pair of metadata.split(',')) {
    const [name, value = ''] = pair.trim().split(' ');
    if ((name !== 'filetype' && name !== 'contentType') || value === '') continue;
    const type = Buffer.from(value, 'base64').toString('utf8');
    if (!/^[\x20-\x7e]{1,255}$/.test(type))
      throw new RequestError('invalid-request', `Upload-Metadata: ${name} is no media type`);
    return type;
  }
  return undefined;
}
