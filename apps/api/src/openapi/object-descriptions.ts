import type { OpenAPIObject } from '@nestjs/swagger';
import type { ObjectOperationId } from '../objects/object-operations.js';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;

/** All that the description of the API says of one operation on an object. */
export interface ObjectDescription {
  readonly summary: string;
  readonly description: string;
  readonly parameters: NonNullable<Operation['parameters']>;
  readonly body?: 'bytes' | 'change' | 'link';
  readonly answers: Operation['responses'];
  readonly refusals: readonly number[];
}

const text = { type: 'string' } as const;
const header = (name: string, description: string) => ({ name, in: 'header' as const, description, schema: text });
const query = (name: string, description: string, example?: string) => ({
  name,
  in: 'query' as const,
  description,
  schema: text,
  ...(example === undefined ? {} : { example }),
});

const ifMatch = header('If-Match', 'Only if the object has one of these ETags, or with `*` if there is one');
const ifNoneMatch = header('If-None-Match', 'Only if it has none of these ETags, or with `*` if there is none');
const storageClass = header('x-amz-storage-class', "Name of a tier policy, or a class of the vendor's own");
const READ_CONDITIONS = [
  ifMatch,
  ifNoneMatch,
  header('If-Modified-Since', 'Date'),
  header('If-Unmodified-Since', 'Date'),
];
const ATTRIBUTES = [
  storageClass,
  header('x-amz-tagging', 'Tags as `key=value&key2=value2`, url-encoded'),
  header('x-amz-meta-*', 'User metadata, any number: UTF-8, and back byte for byte'),
  header(
    'Cache-Control',
    'Stored, as are Content-Disposition, Content-Encoding, Content-Language, Expires, Content-Type',
  ),
];
const COPY = [
  header('x-amz-metadata-directive', 'COPY (default) or REPLACE: metadata and standard headers of this request'),
  header('x-amz-tagging-directive', 'COPY (default) or REPLACE: tags of this request'),
  ...['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since'].map((name) =>
    header(`x-amz-copy-source-${name}`, 'Condition on the source'),
  ),
  ...ATTRIBUTES,
  ifMatch,
  ifNoneMatch,
];

const stored = {
  description: 'Stored, durably',
  headers: { ETag: { description: 'MD5 of the content, quoted', schema: text } },
  content: { 'application/json': { schema: { $ref: '#/components/schemas/StoredObject' } } },
};
const OBJECT_HEADERS = Object.fromEntries(
  [
    'ETag',
    'Last-Modified',
    'x-amz-storage-class',
    'x-spumoni-tier',
    'x-spumoni-location',
    'x-amz-tagging',
    'x-amz-server-side-encryption',
  ].map((name) => [name, { schema: text }]),
);
const bytes = {
  content: { '*/*': { schema: { type: 'string', format: 'binary' } as const } },
  headers: OBJECT_HEADERS,
};
const notModified = { description: 'Not Modified' };

const uploadId = query('upload', 'Id of the upload, from the `Location` that began it');
const tusVersion = header('Tus-Resumable', '`1.0.0`');

/** Every operation on objects, described. The record is exhaustive: none can be served and not described. */
export const OBJECT_DESCRIPTIONS: Readonly<Record<ObjectOperationId, ObjectDescription>> = {
  putObject: {
    summary: 'Upload an object, or make a folder',
    description:
      'Any content type, any length, also of unknown length. A key that ends in `/` is a folder. The old object stays unless every check passes. `Expect: 100-continue` is honoured. A presigned link (`?link=…`) does it without a key pair, with no other header than a content type, conditions and checksums.',
    parameters: [
      ...ATTRIBUTES,
      header('Content-MD5', 'Base64 of the MD5; also x-amz-checksum-crc32, -crc32c, -sha1 and -sha256'),
      ifMatch,
      ifNoneMatch,
    ],
    body: 'bytes',
    answers: { 200: stored },
    refusals: [409, 412, 413, 422, 501, 504, 507],
  },
  getObject: {
    summary: 'Download an object, or a range of it',
    description:
      'One range of bytes; several are answered with the whole object. A presigned link (`?link=…`) does it without a key pair.',
    parameters: [
      header('Range', '`bytes=0-99`, `bytes=100-` or `bytes=-100`'),
      header('If-Range', 'ETag or date'),
      ...READ_CONDITIONS,
    ],
    answers: {
      200: { description: 'The object', ...bytes },
      206: { description: 'The range', ...bytes },
      304: notModified,
    },
    refusals: [409, 412, 416, 502],
  },
  headObject: {
    summary: 'Stat an object: its headers alone',
    description:
      'Errors have no body; `X-Spumoni-Code` has their code. A presigned link (`?link=…`) does it without a key pair.',
    parameters: READ_CONDITIONS,
    answers: { 200: { description: 'It is there', headers: OBJECT_HEADERS }, 304: notModified },
    refusals: [412, 502],
  },
  deleteObject: {
    summary: 'Delete an object, or a folder and all below it',
    description: 'Deleting what is not there is no error: `deleted` is false.',
    parameters: [query('recursive', '`true`: the key is a folder, and everything below it goes'), ifMatch, ifNoneMatch],
    answers: {
      200: {
        description: 'Deleted',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/DeletedObject' } } },
      },
    },
    refusals: [409, 412, 507],
  },
  copyObject: {
    summary: 'Copy an object here',
    description: 'Between backends the bytes are streamed and verified; metadata, tags and tier go along.',
    parameters: [query('copyFrom', 'Source as `/bucket/key`', '/my-first-bucket/hello.txt'), ...COPY],
    answers: { 200: stored },
    refusals: [409, 412, 422, 502, 504, 507],
  },
  renameObject: {
    summary: 'Rename an object to here',
    description: 'A copy, and then the deletion of the source, if it is still what was copied.',
    parameters: [query('renameFrom', 'Source as `/bucket/key`'), ...COPY],
    answers: { 200: stored },
    refusals: [409, 412, 422, 502, 504, 507],
  },
  makeLink: {
    summary: 'Make a presigned link to an object',
    description:
      'With `link` the answer is a `Link`: one method on this one key, for people without keys, until it expires; then and only as long as the key pair of this request, its user and the bucket stay what they are. The key need not be there yet. Nothing is stored.',
    parameters: [query('link', 'Empty: make a link, by the body')],
    body: 'link',
    answers: {
      200: {
        description: 'Made',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Link' } } },
      },
    },
    refusals: [413],
  },
  beginUpload: {
    summary: 'Begin a resumable upload',
    description:
      'With `upload`: tus 1.0.0, its extensions creation, creation-with-upload, expiration and termination. `Location` is where it goes on. Headers are those of a PUT; digests are of the whole content, and the content type comes in `Upload-Metadata` as `filetype`.',
    parameters: [
      query('upload', 'Empty: begin a resumable upload'),
      tusVersion,
      header('Upload-Length', 'Bytes of the whole content'),
      header('Upload-Metadata', 'Names and base64 values, as tus has it; `filetype` is the content type'),
    ],
    answers: {
      201: {
        description: 'Begun',
        headers: Object.fromEntries(
          ['Location', 'Upload-Offset', 'Upload-Expires', 'Tus-Resumable'].map((name) => [name, { schema: text }]),
        ),
      },
    },
    refusals: [409, 412, 413, 422, 501, 504, 507],
  },
  statUpload: {
    summary: 'Ask how far a resumable upload is',
    description: 'With `upload`: `Upload-Offset` bytes are durable. One that has all its bytes is put together first.',
    parameters: [uploadId, tusVersion],
    answers: { 200: { description: 'It is there', headers: OBJECT_HEADERS } },
    refusals: [409, 410, 412, 413, 422, 504, 507],
  },
  appendUpload: {
    summary: 'Send bytes of a resumable upload',
    description:
      'With `upload`: from `Upload-Offset` on, as `application/offset+octet-stream`. The object is there when the last byte has been answered.',
    parameters: [uploadId, tusVersion, header('Upload-Offset', 'Where the bytes begin')],
    answers: { 204: { description: 'Durable up to `Upload-Offset`' } },
    refusals: [409, 410, 412, 413, 422, 501, 504, 507],
  },
  endUpload: {
    summary: 'End a resumable upload',
    description: 'With `upload`: nothing of it stays. An object that it has become stays.',
    parameters: [uploadId, tusVersion],
    answers: { 204: { description: 'Gone' } },
    refusals: [409, 410, 412],
  },
  changeObject: {
    summary: 'Change metadata, headers, tags or tier of an object',
    description: 'Each part that is given replaces the old one whole. Bytes and ETag stay.',
    parameters: [ifMatch, ifNoneMatch],
    body: 'change',
    answers: { 200: stored },
    refusals: [409, 412, 413, 422, 502, 504, 507],
  },
};
