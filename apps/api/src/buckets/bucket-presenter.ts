import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { Deployment } from '#libs/deployment';
import type { BackendRecord, BucketDocument, ConfigurationSnapshot } from '#libs/metadata';
import { vendorOf } from '#libs/naming';
import { adoptingContainer } from '#libs/objects';
import { classFor, findTierPolicy } from '#libs/tiering';
import { DEPLOYMENT } from '../tokens.js';
import type { bucketItem, bucketView } from './bucket-schemas.js';

type Item = z.output<typeof bucketItem>;
type View = z.output<typeof bucketView>;

/** Shows buckets with names where the index has ids. */
@Injectable()
export class BucketPresenter {
  constructor(@Inject(DEPLOYMENT) private readonly deployment: Deployment) {}

  /** Where the indexing of an adopted container stands; undefined for a bucket that is indexed, which costs nothing. */
  async adoption(bucket: BucketDocument): Promise<View['adoption']> {
    return adoptingContainer(bucket) ? this.deployment.takeovers.adoptionOf(bucket.id) : undefined;
  }

  async item(bucket: BucketDocument): Promise<Item> {
    return itemOf(bucket, await this.deployment.controlPlane.configuration.current());
  }

  async view(bucket: BucketDocument): Promise<View> {
    const snapshot = await this.deployment.controlPlane.configuration.current();
    const home = snapshot.backendById.get(bucket.home);
    const adoption = await this.adoption(bucket);
    return {
      ...itemOf(bucket, snapshot),
      ...(adoption ? { adoption } : {}),
      name: bucket.name,
      type: bucket.type,
      vendor: home ? vendorOf(home.type, home.profile) : null,
      state: bucket.state,
      encryption: { enabled: bucket.encrypted ?? false },
      containers: bucket.containers.map((container) => ({
        backend: nameOf(snapshot.backendById.get(container.backend), container.backend),
        container: container.container,
        home: container.backend === bucket.home,
        weak: container.weak ?? false,
        retiring: container.retiring ?? false,
        adopted: container.adopted ?? false,
      })),
    };
  }
}

function itemOf(bucket: BucketDocument, snapshot: ConfigurationSnapshot): Item {
  const home = snapshot.backendById.get(bucket.home);
  return {
    id: bucket.id,
    displayname: bucket.name,
    creationdate: new Date(bucket.createdAt).toISOString(),
    locationconstraint: nameOf(home, bucket.home),
    tier: bucket.policy ?? null,
    storageClass: classOf(bucket, snapshot, home),
    owner: snapshot.userById.get(bucket.ownerId)?.name ?? bucket.ownerId,
  };
}

function nameOf(backend: BackendRecord | undefined, id: string): string {
  return backend?.name ?? id;
}

function classOf(
  bucket: BucketDocument,
  snapshot: ConfigurationSnapshot,
  home: BackendRecord | undefined,
): string | null {
  const policy = bucket.policy === undefined ? undefined : findTierPolicy(snapshot.tiers, bucket.policy);
  return policy && home ? classFor(policy, vendorOf(home.type, home.profile)) : null;
}
