import type { CreateBucketConfiguration } from '@aws-sdk/client-s3';
import { validateBucketName } from '#libs/naming';
import { BackendError, isBackendError } from '../errors.js';
import type { Call, ContainerInfo, CreateContainerRequest } from '../object-backend.js';
import type { Control } from './control.js';
import type { AwsConfig } from './config.js';
import { garbage } from './errors.js';
import type { Lister } from './listing.js';

/** Makes, describes and removes containers. */
export class Containers {
  readonly #config: AwsConfig;
  readonly #control: Control;
  readonly #lister: Lister;

  constructor(config: AwsConfig, control: Control, lister: Lister) {
    this.#config = config;
    this.#control = control;
    this.#lister = lister;
  }

  /**
   * Looks first: us-east-1, and OBS anywhere, answer success for a container that one owns already. Two callers that create at the same instant
   * may there both succeed; the marker of DESIGN section 5 tells them apart.
   */
  async create(call: Call, { container, region }: CreateContainerRequest): Promise<ContainerInfo> {
    this.#checkName(container);
    this.#checkRegion(region);
    await this.#checkFree(call, container);
    const { region: own, quirks, name } = this.#config;
    const configuration: CreateBucketConfiguration = {};
    // The SDK's type lists AWS's regions; other vendors have others.
    if (quirks.locationConstraint && own !== 'us-east-1') Object.assign(configuration, { LocationConstraint: own });
    const location = Object.keys(configuration).length > 0 ? { CreateBucketConfiguration: configuration } : {};
    await this.#control.run(call, ({ CreateBucketCommand }, client, options) =>
      client.send(new CreateBucketCommand({ Bucket: container, ...location }), options),
    );
    try {
      const versioned = quirks.versioning && (await this.#enableVersioning(call, container));
      return { name: container, region: own, createdAt: new Date(), tokens: versioned ? 'version' : 'none' };
    } catch (error) {
      await this.#removeAgain(call, container, error);
      throw new BackendError('unknown', `backend ${name} made ${container}, but could not turn versioning on`, {
        backend: name,
        cause: error,
      });
    }
  }

  async inspect(call: Call, container: string): Promise<ContainerInfo> {
    const head = await this.#control.run(call, ({ HeadBucketCommand }, client, options) =>
      client.send(new HeadBucketCommand({ Bucket: container }), options),
    );
    const status = await this.#lister.versioningOf(call, container);
    const region = head.BucketRegion ?? this.#config.region;
    return { name: container, region, tokens: status === 'Enabled' ? 'version' : 'none' };
  }

  /** Costs a call for each container, because the list does not say which are versioned. */
  async list(call: Call): Promise<readonly ContainerInfo[]> {
    const { Buckets } = await this.#control.run(call, ({ ListBucketsCommand }, client, options) =>
      client.send(new ListBucketsCommand({}), options),
    );
    if (Buckets === undefined) throw garbage(this.#config.name, 'list the containers');
    const named = Buckets.flatMap(({ Name, CreationDate }) => (Name === undefined ? [] : [{ Name, CreationDate }]));
    return await Promise.all(
      named.map(async ({ Name, CreationDate }) => ({
        name: Name,
        ...(CreationDate === undefined ? {} : { createdAt: CreationDate }),
        tokens: await this.#tokensOf(call, Name),
      })),
    );
  }

  /** Turns the vendor's versioning on. A server that has none fails with `unsupported`. */
  async enableVersioning(call: Call, container: string): Promise<ContainerInfo> {
    const { name, quirks } = this.#config;
    if (!quirks.versioning || !(await this.#enableVersioning(call, container)))
      throw new BackendError('unsupported', `backend ${name} has no versioning to turn on`, { backend: name });
    return this.inspect(call, container);
  }

  /** Puts a delete marker. Where nothing was ever versioned this would remove the object itself, so it does nothing there. */
  async conceal(call: Call, container: string, key: string): Promise<void> {
    if ((await this.#lister.versioningOf(call, container)) === undefined) return;
    await this.#control.run(call, ({ DeleteObjectCommand }, client, options) =>
      client.send(new DeleteObjectCommand({ Bucket: container, Key: key }), options),
    );
  }

  /** S3 itself would let unfinished uploads go with the container: they are looked for first. */
  async delete(call: Call, container: string): Promise<void> {
    if (await this.#lister.holdsAnything(call, container))
      throw new BackendError('conflict', `container ${container} is not empty`, {
        backend: this.#config.name,
        vendorCode: 'BucketNotEmpty',
      });
    await this.#control.run(call, ({ DeleteBucketCommand }, client, options) =>
      client.send(new DeleteBucketCommand({ Bucket: container }), options),
    );
  }

  /** A listed container may belong to another region or be closed to these keys: its tokens are then unknown, and `none` promises least. */
  async #tokensOf(call: Call, container: string): Promise<ContainerInfo['tokens']> {
    try {
      return (await this.#lister.versioningOf(call, container)) === 'Enabled' ? 'version' : 'none';
    } catch (error) {
      if (isBackendError(error, 'denied') || isBackendError(error, 'invalid') || isBackendError(error, 'not-found'))
        return 'none';
      throw error;
    }
  }

  #checkName(container: string): void {
    const { valid, violations } = validateBucketName(container, this.#config.vendor);
    if (valid) return;
    const why = violations.map(({ message }) => message).join(' ');
    throw new BackendError('invalid', `${container} cannot be the name of a container: ${why}`, {
      backend: this.#config.name,
    });
  }

  #checkRegion(region: string | undefined): void {
    const { name, region: own } = this.#config;
    if (region === undefined || region === own) return;
    throw new BackendError('invalid', `backend ${name} is in region ${own}; register one for ${region}`, {
      backend: name,
    });
  }

  async #checkFree(call: Call, container: string): Promise<void> {
    const { name: backend } = this.#config;
    const taken = (code: string, cause?: unknown): BackendError =>
      new BackendError('conflict', `container ${container} exists already`, { backend, vendorCode: code, cause });
    try {
      await this.#control.run(call, ({ HeadBucketCommand }, client, options) =>
        client.send(new HeadBucketCommand({ Bucket: container }), options),
      );
    } catch (error) {
      if (isBackendError(error, 'not-found')) return;
      if (!isBackendError(error, 'denied') && !isBackendError(error, 'invalid')) throw error;
      // 403: somebody else's; 301 or 400: in another region. HEAD answers the same for bad keys, and has no code to tell them apart.
      await this.#checkKeys(call);
      throw taken('BucketAlreadyExists', error);
    }
    throw taken('BucketAlreadyOwnedByYou');
  }

  /** Fails with `denied` if the vendor does not know these keys at all. */
  async #checkKeys(call: Call): Promise<void> {
    try {
      await this.#control.run(call, ({ ListBucketsCommand }, client, options) =>
        client.send(new ListBucketsCommand({}), options),
      );
    } catch (error) {
      if (!isBackendError(error, 'denied') || error.vendorCode !== 'AccessDenied') throw error;
    }
  }

  /** Answers false where the server has no versioning: the container's tokens are then `none`, and say so. */
  async #enableVersioning(call: Call, container: string): Promise<boolean> {
    try {
      await this.#control.run(call, ({ PutBucketVersioningCommand }, client, options) =>
        client.send(
          new PutBucketVersioningCommand({ Bucket: container, VersioningConfiguration: { Status: 'Enabled' } }),
          options,
        ),
      );
      return (await this.#lister.versioningOf(call, container)) === 'Enabled';
    } catch (error) {
      if (isBackendError(error, 'unsupported')) return false;
      throw error;
    }
  }

  async #removeAgain(call: Call, container: string, because: unknown): Promise<void> {
    try {
      await this.#control.run(call, ({ DeleteBucketCommand }, client, options) =>
        client.send(new DeleteBucketCommand({ Bucket: container }), options),
      );
    } catch (error) {
      const { name: backend } = this.#config;
      const cause = new AggregateError([because, error], 'and the container could not be removed again');
      throw new BackendError('unknown', `backend ${backend} left container ${container} behind`, { backend, cause });
    }
  }
}
