import { EventEmitter } from 'node:events';
import type { Readable } from 'node:stream';
import type { DataStore, Upload as TusUpload } from '@tus/server';
import type { Deployment, Upload, UploadPlace, UploadWish } from '#libs/deployment';
import type { OperationContext } from '#libs/objects';

/** One request about resumable uploads, let in and taken apart. */
export interface UploadRequest {
  readonly context: OperationContext;
  readonly place: UploadPlace;
  /** What an upload that this request begins is to become. */
  readonly wish: (id: string) => UploadWish;
}

/**
 * What the tus library asks of a store, for one request: it has the caller and the place, so that nothing the library passes on decides whose upload is touched. Keeps nothing:
 * `UploadService` does, for all processes.
 */
export class UploadsOfRequest extends EventEmitter implements DataStore {
  readonly extensions = ['creation', 'creation-with-upload', 'termination', 'expiration'];
  /** The upload as this request left it. */
  last: Upload | undefined;
  /** Id of the upload that this request began. */
  begun: string | undefined;

  constructor(
    private readonly deployment: Deployment,
    private readonly request: UploadRequest,
  ) {
    super();
  }

  hasExtension(extension: string): boolean {
    return this.extensions.includes(extension);
  }

  async create(file: TusUpload): Promise<TusUpload> {
    const { context, place, wish } = this.request;
    // Lengths that are deferred are no extension of ours: the library has refused them.
    const begun = { id: file.id, size: file.size ?? 0, upload: wish(file.id) };
    this.begun = file.id;
    this.last = await this.deployment.uploads.create(context, place, begun);
    file.creation_date = new Date(this.last.createdAt).toISOString();
    return file;
  }

  async write(stream: Readable, id: string, offset: number): Promise<number> {
    const { context, place } = this.request;
    this.last = await this.deployment.uploads.append(context, place, { id, offset, body: stream });
    return this.last.offset;
  }

  async getUpload(id: string): Promise<TusUpload> {
    const { context, place } = this.request;
    this.last = await this.deployment.uploads.get(context, place, id);
    const { size, offset, createdAt } = this.last;
    const creation_date = new Date(createdAt).toISOString();
    return { id, size, offset, creation_date, metadata: undefined, storage: undefined, sizeIsDeferred: false };
  }

  async remove(id: string): Promise<void> {
    await this.deployment.uploads.remove(this.request.context, this.request.place, id);
  }

  /** Ends what this request began and nobody was told the place of: it could not be gone on with, and would take room and a place until it expired. */
  async forgetUntold(): Promise<void> {
    if (this.begun === undefined) return;
    try {
      await this.remove(this.begun);
    } catch (error) {
      const { logger } = this.deployment;
      logger.debug({ upload: this.begun, error }, 'an upload whose beginning failed is left to expire, if it is there');
    }
  }

  declareUploadLength(): Promise<void> {
    return Promise.reject(new Error('lengths that are deferred are not offered'));
  }

  /** Housekeeping's. */
  deleteExpired(): Promise<number> {
    return Promise.resolve(0);
  }

  getExpiration(): number {
    return this.deployment.settings.uploads.ageMs;
  }
}
