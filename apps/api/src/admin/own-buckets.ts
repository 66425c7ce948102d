import { Inject, Injectable } from '@nestjs/common';
import type { Deployment } from '#libs/deployment';
import type { BucketDocument, BucketId } from '#libs/metadata';
import { ObjectsError, openBucket, type OperationContext } from '#libs/objects';
import { DEPLOYMENT } from '../tokens.js';

/** Whether a caller may touch what belongs to a bucket: its owner and administrators may. */
@Injectable()
export class OwnBuckets {
  constructor(@Inject(DEPLOYMENT) private readonly deployment: Deployment) {}

  /** By name, as a client sends it; anything but a text is left to whoever reads the input. */
  async assertByName(context: OperationContext, name: unknown): Promise<void> {
    if (typeof name === 'string') await openBucket(this.deployment.engine, context, name);
  }

  /** By id, of something that belongs to a bucket. Once the bucket has gone, what is left of it is the administrators'. */
  async assertById(context: OperationContext, id: string | undefined): Promise<void> {
    if (context.actor.isAdmin) return;
    const bucket = id === undefined ? undefined : await this.#find(id as BucketId);
    if (bucket?.ownerId === context.actor.userId) return;
    throw new ObjectsError('access-denied', 'this belongs to a bucket that is not yours');
  }

  async #find(id: BucketId): Promise<BucketDocument | undefined> {
    return (await this.deployment.engine.index.getBucket(id))?.value;
  }
}
