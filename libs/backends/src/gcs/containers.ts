import { validateBucketName } from '#libs/naming';
import { BackendError } from '../errors.js';
import type { Call, ContainerInfo, CreateContainerRequest } from '../object-backend.js';
import { listObjects } from './listing.js';
import type { GcsRequest, GcsRequests } from './requests.js';
import { bucketList, bucketResource } from './resource.js';
import type { BucketResource } from './resource.js';

/**
 * Containers, by hand-made requests like the data path's: the SDK's bucket calls take neither signal nor deadline, and pass a stranger's answer
 * on as a success. (The suite reads what is made here with the SDK, and the reverse.)
 */
export class Containers {
  readonly #gcs: GcsRequests;

  constructor(gcs: GcsRequests) {
    this.#gcs = gcs;
  }

  /**
   * Made with uniform access (no lists of rights at objects) and without soft deletion, by which GCS would keep, and bill, each deleted write for
   * a week. The location defaults to the backend's region, else to GCS's own choice.
   */
  async create(call: Call, { container, region }: CreateContainerRequest): Promise<ContainerInfo> {
    const { name: backend, projectId } = this.#gcs.config;
    const { valid, violations } = validateBucketName(container, 'gcs');
    if (!valid) throw new BackendError('invalid', violations.map(({ message }) => message).join(' '), { backend });
    const location = region ?? this.#gcs.config.region;
    const made = await this.#gcs.expectJson(
      call,
      {
        method: 'POST',
        action: `make container ${container}`,
        path: '/storage/v1/b',
        query: { project: projectId, projection: 'noAcl' },
        json: {
          name: container,
          ...(location === undefined ? {} : { location }),
          iamConfiguration: { uniformBucketLevelAccess: { enabled: true } },
          softDeletePolicy: { retentionDurationSeconds: '0' },
        },
      },
      bucketResource,
    );
    return infoOf(made);
  }

  async inspect(call: Call, container: string): Promise<ContainerInfo> {
    const query = { projection: 'noAcl' };
    return infoOf(
      await this.#gcs.expectJson(call, { ...this.#ask('GET', 'inspect', container), query }, bucketResource),
    );
  }

  /** Those of the project. */
  async list(call: Call): Promise<ContainerInfo[]> {
    const { projectId } = this.#gcs.config;
    const infos: ContainerInfo[] = [];
    let pageToken: string | undefined;
    do {
      const query = { project: projectId, projection: 'noAcl', pageToken };
      const asked = { method: 'GET', action: 'list containers', path: '/storage/v1/b', query } as const;
      const page = await this.#gcs.expectJson(call, asked, bucketList);
      infos.push(...page.items.map(infoOf));
      pageToken = page.nextPageToken === '' ? undefined : page.nextPageToken;
    } while (pageToken !== undefined);
    return infos;
  }

  /** Looks for noncurrent generations too; GCS itself refuses a container that holds anything (409). */
  async delete(call: Call, container: string): Promise<void> {
    const { name: backend } = this.#gcs.config;
    let cursor: string | undefined;
    do {
      const page = await listObjects(this.#gcs, call, {
        container,
        include: 'everything',
        limit: 1,
        ...(cursor ? { cursor } : {}),
      });
      if (page.entries.length > 0)
        throw new BackendError('conflict', `container ${container} is not empty`, { backend });
      cursor = page.cursor;
    } while (cursor !== undefined);
    const asked = this.#ask('DELETE', 'delete', container);
    const answer = await this.#gcs.send(call, asked);
    if (answer.status >= 200 && answer.status < 300) {
      answer.body.discard();
      return;
    }
    const failure = await this.#gcs.failureOf(asked.action, answer);
    // No condition was sent, so one that is not met can only be emptiness: an emulator answers so.
    if (failure.kind !== 'precondition') throw failure;
    throw new BackendError('conflict', failure.message, { backend, cause: failure });
  }

  #ask(method: 'GET' | 'DELETE', verb: string, container: string): GcsRequest {
    return { method, action: `${verb} container ${container}`, path: this.#gcs.containerPath(container) };
  }
}

/** GCS writes locations in capitals and takes them in any: regions are named in small letters everywhere else. */
function infoOf({ name, location, timeCreated }: BucketResource): ContainerInfo {
  return {
    name,
    tokens: 'generation',
    ...(location === undefined ? {} : { region: location.toLowerCase() }),
    ...(timeCreated === undefined ? {} : { createdAt: timeCreated }),
  };
}
