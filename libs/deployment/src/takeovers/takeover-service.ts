import type { Page, PageRequest } from '#libs/metadata';
import type { ContainerOwner, CreateBucket, CreatedBucket, OperationContext } from '#libs/objects';
import type { JobView } from '../jobs/job-service.js';

/** A container of a backend as it is shown: JSON-ready. */
export interface ContainerView {
  readonly container: string;
  readonly region?: string;
  readonly createdAt?: string;
  /** False where nothing there names a single write: versioning is off, or not to be had. */
  readonly versioned: boolean;
  readonly owner: ContainerOwner;
  /** Nobody's marker is there, and the backend is one whose containers can be taken over. */
  readonly adoptable: boolean;
}

/** What is wished of an adoption: a bucket's creation that names a container. */
export type AdoptionInput = CreateBucket & { readonly adopt: NonNullable<CreateBucket['adopt']> };

/** Where a bucket's adoption stands: its newest job, or `planned` for a moment before there is one. */
export interface AdoptionView {
  readonly state: JobView['state'];
  readonly jobId?: string;
}

/**
 * Taking over what exists, for administrators. Fails with `DeploymentError` `no-such-backend`, and with `ObjectsError` as `createBucket` and `openBucket` do.
 */
export interface TakeoverService {
  /** The containers of a backend, by name, and whose each is. */
  discover(context: OperationContext, backend: string, page: PageRequest): Promise<Page<ContainerView>>;
  /** Makes a bucket of a container that is there, and begins the job that indexes it. `access-denied` unless an administrator asks. */
  adopt(context: OperationContext, input: AdoptionInput): Promise<CreatedBucket & { readonly job: JobView }>;
  /** Begins the indexing again, where a job of it failed or was cancelled; answers an unfinished one as it is. `wrong-state` for a bucket that is indexed. */
  resume(context: OperationContext, bucket: string): Promise<JobView>;
  /** Begins comparing a bucket's index with what its vendors list; answers an unfinished run as it is. `adoption-unfinished` while the bucket is being adopted. */
  reconcile(context: OperationContext, bucket: string): Promise<JobView>;
  /** Undefined for a bucket whose objects are all indexed. */
  adoptionOf(bucketId: string): Promise<AdoptionView | undefined>;
}
