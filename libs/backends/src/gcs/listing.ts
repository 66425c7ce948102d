import type { Call, ListedEntry, ListPage, ListRequest } from '../object-backend.js';
import { vendorEtagOf } from './requests.js';
import type { GcsRequests } from './requests.js';
import { LISTED_FIELDS, objectList } from './resource.js';
import type { ObjectResource } from './resource.js';

/** GCS gives no more in a page. */
const PAGE = 1000;

/**
 * One page, in UTF-8 byte order of keys. `everything` adds noncurrent generations, the oldest of a key first, which only a container has whose
 * versioning somebody turned on. Unfinished resumable uploads can be listed by nobody; XML multipart uploads are not this adapter's.
 */
export async function listObjects(gcs: GcsRequests, call: Call, request: ListRequest): Promise<ListPage> {
  const { container, prefix, include, cursor, limit } = request;
  const page = await gcs.expectJson(
    call,
    {
      method: 'GET',
      action: `list ${container}`,
      path: `${gcs.containerPath(container)}/o`,
      query: {
        projection: 'noAcl',
        fields: LISTED_FIELDS,
        maxResults: Math.min(limit, PAGE),
        prefix: prefix === '' ? undefined : prefix,
        versions: include === 'everything' ? true : undefined,
        pageToken: cursor,
      },
    },
    objectList,
  );
  const { nextPageToken } = page;
  const more = nextPageToken !== undefined && nextPageToken !== '';
  return { entries: page.items.map(entryOf), ...(more ? { cursor: nextPageToken } : {}) };
}

function entryOf(resource: ObjectResource): ListedEntry {
  const { name: key, generation: token, size, updated: lastModified, storageClass, timeDeleted } = resource;
  const kind = timeDeleted === undefined ? 'object' : 'noncurrent';
  return { kind, key, token, size, lastModified, vendorEtag: vendorEtagOf(resource), storageClass };
}
