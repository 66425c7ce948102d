import type { Call, CopyRequest, ObjectAttributes, ObjectRef, WriteResult } from '../object-backend.js';
import { fieldsOf } from './attributes.js';
import { garbage } from './errors.js';
import { generationOf } from './generations.js';
import { resultOf } from './requests.js';
import type { GcsRequests } from './requests.js';
import { rewriteAnswer } from './resource.js';
import type { ObjectResource } from './resource.js';
import { conditionOf } from './upload-target.js';
import type { UploadTarget } from './upload-target.js';

/** Copies and changes of attributes: nothing that moves bytes through here. */
export class Rewriter {
  readonly #gcs: GcsRequests;

  constructor(gcs: GcsRequests) {
    this.#gcs = gcs;
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
   * A rewrite onto itself that carries all attributes at once, under a new token, conditional on the old one. Not a PATCH, though that moves no bytes: it keeps the generation,
   * and then two writes share one token. A rival whose rewrite is conditional on it could replace a change of metadata that was already acknowledged.
   */
  async restamp(call: Call, ref: ObjectRef, attributes: ObjectAttributes): Promise<WriteResult> {
    const { container, key, token } = ref;
    const fields = fieldsOf(this.#gcs.config.name, attributes);
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
}
