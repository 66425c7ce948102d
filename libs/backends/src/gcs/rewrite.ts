import type { Call, CopyRequest, ObjectAttributes, ObjectRef, WriteResult } from '../object-backend.js';
import { fieldsOf, NATIVE_HEADERS } from './attributes.js';
import type { WritableFields } from './attributes.js';
import { GCS_CAPABILITIES } from './capabilities.js';
import { garbage } from './errors.js';
import { generationOf } from './generations.js';
import type { Reader } from './read.js';
import { resultOf } from './requests.js';
import type { GcsRequests } from './requests.js';
import { objectResource, rewriteAnswer } from './resource.js';
import type { ObjectResource } from './resource.js';
import { conditionOf } from './upload-target.js';
import type { UploadTarget } from './upload-target.js';

/** Copies and changes of attributes: nothing that moves bytes through here. */
export class Rewriter {
  readonly #gcs: GcsRequests;
  readonly #reader: Reader;

  constructor(gcs: GcsRequests, reader: Reader) {
    this.#gcs = gcs;
    this.#reader = reader;
  }

  /** `not-found` says that the source, or the container it is to go to, is not there; `precondition` is the target's alone. */
  async copy(call: Call, request: CopyRequest): Promise<WriteResult> {
    const { source, container, key } = request;
    const { name } = this.#gcs.config;
    const fields = fieldsOf(name, request.attributes);
    const target: UploadTarget = { container, key, fields, condition: conditionOf(request.condition, name) };
    return resultOf(await this.#rewrite(call, source, target));
  }

  /**
   * Where the class stays the metadata is patched, and the token with it stays: it names the bytes. A change of class is a rewrite onto itself
   * that carries all attributes at once, under a new token. Both are conditional on the write (and on its metadata as they were read).
   */
  async restamp(call: Call, ref: ObjectRef, attributes: ObjectAttributes): Promise<WriteResult> {
    const { container, key, token } = ref;
    const fields = fieldsOf(this.#gcs.config.name, attributes);
    const current = await this.#reader.resource(call, ref);
    // Without a class the container's default is meant; where that is another than GCS's own, a rewrite finds it.
    const wanted = attributes.storageClass ?? GCS_CAPABILITIES.storageClasses[0];
    if (wanted === current.storageClass) return resultOf(await this.#patch(call, ref, current, fields));
    const condition = { ifGenerationMatch: token };
    return resultOf(await this.#rewrite(call, ref, { container, key, fields, condition }));
  }

  /**
   * One rewrite, in as many requests as GCS needs for it; the target appears with the last. A body that is not empty replaces all metadata of the
   * source, what it leaves out included (seen at GCS: github.com/minio/minio/issues/5800), and `fieldsOf` never makes an empty one.
   */
  async #rewrite(
    call: Call,
    source: ObjectRef,
    { container, key, fields, condition }: UploadTarget,
  ): Promise<ObjectResource> {
    const action = `copy ${source.key} in ${source.container} to ${key} in ${container}`;
    const from = this.#gcs.objectPath(source.container, source.key);
    const to = this.#gcs.objectPath(container, key).slice('/storage/v1'.length);
    const sourceGeneration = generationOf(source.token, this.#gcs.config.name);
    let rewriteToken: string | undefined;
    for (;;) {
      const query = { projection: 'noAcl', sourceGeneration, ...condition, rewriteToken };
      const asked = { method: 'POST', action, path: `${from}/rewriteTo${to}`, query, json: fields } as const;
      const { done, resource, rewriteToken: next } = await this.#gcs.expectJson(call, asked, rewriteAnswer);
      if (done && resource) return resource;
      if (done || next === undefined) throw garbage(this.#gcs.config.name, action);
      rewriteToken = next;
    }
  }

  /** A patch leaves alone what it does not name, so what is to go is named with null. */
  async #patch(call: Call, ref: ObjectRef, current: ObjectResource, fields: WritableFields): Promise<ObjectResource> {
    const { container, key, token } = ref;
    const { metageneration } = current;
    const gone = Object.keys(current.metadata).filter((name) => !(name in fields.metadata));
    const asked = {
      method: 'PATCH',
      action: `change the metadata of ${key} in ${container}`,
      path: this.#gcs.objectPath(container, key),
      query: {
        projection: 'noAcl',
        generation: token,
        ifGenerationMatch: token,
        ifMetagenerationMatch: metageneration,
      },
      json: {
        ...Object.fromEntries(NATIVE_HEADERS.map((name) => [name, fields[name] ?? null])),
        metadata: { ...fields.metadata, ...Object.fromEntries(gone.map((name) => [name, null])) },
      },
    } as const;
    return await this.#gcs.expectJson(call, asked, objectResource);
  }
}
