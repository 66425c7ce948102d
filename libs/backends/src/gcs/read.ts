import type { ByteRange, Call, GetRequest, GetResult, ObjectHead, ObjectRef } from '../object-backend.js';
import type { WireAnswer } from '../wire/index.js';
import { attributesOf } from './attributes.js';
import { garbage } from './errors.js';
import { generationOf, isGeneration } from './generations.js';
import { headOf } from './requests.js';
import type { GcsRequest, GcsRequests } from './requests.js';
import { objectResource } from './resource.js';
import type { ObjectResource } from './resource.js';

interface Which {
  readonly container: string;
  readonly key: string;
  readonly token?: string;
}

/** Reads and deletes by generation: get, head, delete. */
export class Reader {
  readonly #gcs: GcsRequests;

  constructor(gcs: GcsRequests) {
    this.#gcs = gcs;
  }

  /**
   * As the port says. A media answer bears no user metadata, so the head comes from a second request, sent at once with the first where
   * the token is known: the time of one, the price of two.
   */
  async get(call: Call, request: GetRequest): Promise<GetResult> {
    if (request.token === undefined) {
      const resource = await this.resource(call, request);
      const media = await this.#media(call, { ...request, token: resource.generation });
      return this.#together(request, resource, media);
    }
    const [resource, media] = await Promise.allSettled([this.resource(call, request), this.#media(call, request)]);
    // What the metadata request says of an object is the clearer of two failures.
    if (resource.status === 'rejected') {
      if (media.status === 'fulfilled') media.value.body.discard();
      throw resource.reason;
    }
    if (media.status === 'rejected') throw media.reason;
    return this.#together(request, resource.value, media.value);
  }

  async head(call: Call, request: Which & { withTags?: boolean }): Promise<ObjectHead> {
    const resource = await this.resource(call, request);
    const head = headOf(request.container, resource);
    return request.withTags === true ? { ...head, tags: attributesOf(resource).tags } : head;
  }

  /** A generation that is no more is 404, one that is not the live one where it must be 412: both say that nothing was removed. */
  async delete(call: Call, ref: ObjectRef): Promise<'deleted' | 'absent'> {
    const { container, key, token } = ref;
    if (!isGeneration(token)) return 'absent';
    const action = `delete ${key} in ${container}`;
    const path = this.#gcs.objectPath(container, key);
    const query = { generation: token, ifGenerationMatch: token };
    const answer = await this.#gcs.send(call, { method: 'DELETE', action, path, query });
    if (answer.status >= 200 && answer.status < 300) {
      answer.body.discard();
      return 'deleted';
    }
    const failure = await this.#gcs.failureOf(action, answer);
    if (failure.kind === 'not-found' || failure.kind === 'precondition') return 'absent';
    throw failure;
  }

  /** The object resource of a write, or of what stands. */
  async resource(call: Call, which: Which): Promise<ObjectResource> {
    const asked = this.#ask(which, { projection: 'noAcl' });
    const resource = await this.#gcs.expectJson(call, asked, objectResource);
    if (which.token !== undefined && which.token !== resource.generation)
      throw garbage(this.#gcs.config.name, asked.action);
    return resource;
  }

  async #media(call: Call, request: GetRequest): Promise<WireAnswer> {
    const { range } = request;
    const asked = this.#ask(request, { alt: 'media' });
    // Without `gzip` GCS decodes what is stored with that encoding: other bytes, another length, and no ranges.
    const headers: Record<string, string> = { 'accept-encoding': 'gzip' };
    if (range) headers['range'] = `bytes=${range.start}-${range.end}`;
    return await this.#gcs.expect(call, { ...asked, headers });
  }

  #together(request: GetRequest, resource: ObjectResource, media: WireAnswer): GetResult {
    const head = headOf(request.container, resource);
    if (isExtent(media, resource, request.range))
      return { head, body: media.body, discard: () => media.body.discard() };
    media.body.discard();
    throw garbage(this.#gcs.config.name, `read ${request.key} in ${request.container} as it is stored`);
  }

  #ask({ container, key, token }: Which, query: NonNullable<GcsRequest['query']>): GcsRequest {
    const generation = token === undefined ? undefined : generationOf(token, this.#gcs.config.name);
    return {
      method: 'GET',
      action: `read ${key} in ${container}`,
      path: this.#gcs.objectPath(container, key),
      query: { ...query, generation },
    };
  }
}

/** Whether a media answer is what was asked for: these bytes, as stored, of this generation. */
function isExtent(media: WireAnswer, { generation, size }: ObjectResource, range: ByteRange | undefined): boolean {
  const { status, headers } = media;
  if ((headers['x-goog-generation'] ?? generation) !== generation) return false;
  const length = Number(headers['content-length'] ?? Number.NaN);
  if (!range) return status === 200 && length === size;
  const asked = `bytes ${range.start}-${range.end}/${size}`;
  return status === 206 && length === range.end - range.start + 1 && headers['content-range'] === asked;
}
