import type { BucketContainer, BucketDocument } from '#libs/metadata';
import { holdsMarker } from '../buckets/marker.js';
import { callOf, type Engine, type OperationContext } from '../engine.js';
import { ObjectsError } from '../errors.js';

const GOOD_FOR_MS = 1_000;

/** The container is not this bucket's, by its marker or for want of one: whoever works on it stops. */
export class ForeignContainerError extends Error {
  override readonly name = 'ForeignContainerError';
}

/**
 * Asks for a container's marker again and again while a job works on it, at most once a second: no process acts on configuration older than that, so a re-pointed endpoint is noticed before it is believed.
 */
export class MarkerWatch {
  #askedAt: number | undefined;
  #asking: Promise<void> | undefined;

  constructor(
    private readonly engine: Engine,
    private readonly context: OperationContext,
    private readonly of: { readonly bucket: BucketDocument; readonly container: BucketContainer },
  ) {}

  /** Fails with `ForeignContainerError`, or with the backend's own failure: an outage says nothing of whose the container is. */
  async assertOwn(): Promise<void> {
    const now = this.engine.clock.monotonic();
    if (this.#askedAt !== undefined && now - this.#askedAt < GOOD_FOR_MS) return;
    this.#asking ??= this.#ask().finally(() => (this.#asking = undefined));
    await this.#asking;
  }

  async #ask(): Promise<void> {
    const { bucket, container } = this.of;
    const askedAt = this.engine.clock.monotonic();
    const backend = await this.engine.backends.open(container.backend);
    if (container.marker === '') throw new ObjectsError('busy', `container ${container.container} is still being made`);
    const isOwn = await holdsMarker(this.engine, callOf(this.context), backend, { container, bucket: bucket.id });
    if (!isOwn)
      throw new ForeignContainerError(
        `container ${container.container} of backend ${backend.name} does not bear this bucket's marker: is the endpoint the right one? Nothing in it was believed`,
      );
    this.#askedAt = askedAt;
  }
}
