import { validateBucketName } from '#libs/naming';
import { BackendError } from '../errors.js';
import type { Call, ContainerInfo, CreateContainerRequest } from '../object-backend.js';
import type { AzureConfig } from './config.js';
import { garbage } from './errors.js';
import { listPage } from './listing.js';
import type { ControlClient } from './sdk.js';

/** Create Container. `conflict` with the code ContainerBeingDeleted and a pause of 30 s where one of this name is still being removed. */
export async function createContainer(
  { config, sdk }: ControlClient,
  call: Call,
  { container, region }: CreateContainerRequest,
): Promise<ContainerInfo> {
  assertName(config, container);
  if (region !== undefined && region !== config.region)
    throw new BackendError(
      'invalid',
      `an Azure account lies in one region (this one: ${config.region ?? 'not set'}), so no container can be made in ${region}`,
      { backend: config.name },
    );
  const made = await sdk.run(call, `create container ${container}`, (service, abortSignal) =>
    service.getContainerClient(container).create({ abortSignal }),
  );
  if (made.requestId === undefined) throw garbage(config.name, `create container ${container}`);
  return infoOf(config, container);
}

/** Get Container Properties. */
export async function inspectContainer(
  { config, sdk }: ControlClient,
  call: Call,
  container: string,
): Promise<ContainerInfo> {
  assertName(config, container);
  const seen = await sdk.run(call, `look at container ${container}`, (service, abortSignal) =>
    service.getContainerClient(container).getProperties({ abortSignal }),
  );
  if (seen.requestId === undefined) throw garbage(config.name, `look at container ${container}`);
  return infoOf(config, container);
}

/** List Containers, all pages. Those that are being deleted are not listed. */
export async function listContainers({ config, sdk }: ControlClient, call: Call): Promise<ContainerInfo[]> {
  const names: string[] = [];
  await sdk.run(call, 'list containers', async (service, abortSignal) => {
    for await (const page of service.listContainers({ abortSignal }).byPage()) {
      if (page.requestId === undefined) throw garbage(config.name, 'list containers');
      names.push(...page.containerItems.map(({ name }) => name));
    }
  });
  return names.map((name) => infoOf(config, name));
}

/**
 * Delete Container. Azure itself would remove a container with all that is in it, so everything is listed first; what is written between the
 * listing and the deletion is lost, and the caller must see to it that nothing is.
 */
export async function deleteContainer(control: ControlClient, call: Call, container: string): Promise<void> {
  const { config, sdk } = control;
  assertName(config, container);
  let cursor: string | undefined;
  do {
    const at = cursor === undefined ? {} : { cursor };
    const page = await listPage(control, call, { container, include: 'everything', limit: 100, ...at });
    if (page.entries.length > 0)
      throw new BackendError('conflict', `container ${container} is not empty`, { backend: config.name });
    cursor = page.cursor;
  } while (cursor !== undefined);
  await sdk.run(call, `delete container ${container}`, (service, abortSignal) =>
    service.getContainerClient(container).delete({ abortSignal }),
  );
}

function infoOf({ region }: AzureConfig, name: string): ContainerInfo {
  return { name, tokens: 'etag', ...(region === undefined ? {} : { region }) };
}

function assertName({ name: backend }: AzureConfig, container: string): void {
  const { valid, violations } = validateBucketName(container, 'azure', { existing: true });
  if (!valid) throw new BackendError('invalid', violations.map(({ message }) => message).join(' '), { backend });
}
