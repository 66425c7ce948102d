import { movedDestinations, type CircuitView } from '#libs/backends';
import {
  isControlPlaneError,
  type BackendChange,
  type BackendRecord,
  type ControlPlane,
  type NewBackend,
  type ObjectIndex,
  type Page,
  type PageRequest,
  type SeenDirectories,
} from '#libs/metadata';
import type { Clock } from '#libs/objects';
import { EnvelopeError, type MasterKeys } from '#libs/secrets';
import { DeploymentError } from '../errors.js';
import { shownPage } from '../paging.js';
import { readBackendChange, readBackendInput, readNewCredentials } from './backend-input.js';
import { probeBackend, requireWorking, type Probed, type ProbeOutcome } from './backend-probe.js';
import type { BackendChangeInput, BackendInput, BackendService, BackendView } from './backend-service.js';
import { assertUnused } from './backend-use.js';
import { showBackend } from './backend-view.js';
import { openCredentials, sealCredentials, type ClearCredentials } from './credentials.js';
import type { CallLimits } from './open-adapter.js';
import { assertOwnDirectory } from './own-directory.js';

/** What the service works with. */
export interface RegisteredBackendsDependencies {
  readonly controlPlane: ControlPlane;
  readonly index: ObjectIndex;
  readonly masterKey: MasterKeys;
  readonly limits: CallLimits;
  readonly clock: Clock;
  /** By the backend's id. */
  readonly circuitOf: (id: string) => CircuitView;
}

const PASSED = { state: 'ok', lastCheckError: undefined } as const;

/** The backends of the control plane: see the port. */
export class RegisteredBackends implements BackendService {
  constructor(private readonly dependencies: RegisteredBackendsDependencies) {}

  async register(requestId: string, input: BackendInput): Promise<BackendView> {
    const { controlPlane, masterKey, limits, clock } = this.dependencies;
    const wish = readBackendInput(input);
    if (await controlPlane.backends.find(wish.name)) throw exists(wish.name);
    await assertOwnDirectory(controlPlane, wish);
    const capabilities = await requireWorking(requestId, wish, limits);
    const { clear, ...definition } = wish;
    const credentials = sealCredentials(masterKey, wish, clear);
    const checked = { state: 'ok' as const, lastCheckedAt: clock.now() };
    const record = await this.#create({ ...definition, credentials, capabilities: { ...capabilities }, ...checked });
    controlPlane.configuration.invalidate();
    return this.#show(record);
  }

  /** As often as another directory came into use since all were looked at, they are looked at again: who came first keeps it. */
  async #create(backend: NewBackend): Promise<BackendRecord> {
    const { controlPlane } = this.dependencies;
    for (;;) {
      const seen = await assertOwnDirectory(controlPlane, backend);
      try {
        return await controlPlane.backends.create(backend, seen);
      } catch (error) {
        if (isControlPlaneError(error, 'exists')) throw exists(backend.name);
        if (!isControlPlaneError(error, 'conflict')) throw error;
      }
    }
  }

  async get(name: string): Promise<BackendView> {
    return this.#show(await this.#record(name));
  }

  async list(page: PageRequest): Promise<Page<BackendView>> {
    return shownPage(await this.dependencies.controlPlane.backends.list(page), (record) => this.#show(record));
  }

  async check(requestId: string, name: string): Promise<BackendView> {
    const { limits, clock } = this.dependencies;
    const record = await this.#record(name);
    const opened = this.#open(record);
    const lastCheckedAt = clock.now();
    if ('closed' in opened)
      return this.#keep(record, { state: 'denied', lastCheckError: opened.closed, lastCheckedAt });
    const probe = await probeBackend(requestId, probedOf(record, opened.clear), limits);
    return this.#keep(record, { ...foundBy(probe), lastCheckedAt });
  }

  async rotate(requestId: string, name: string, credentials: unknown, expectedRevision?: number): Promise<BackendView> {
    const { masterKey, limits, clock } = this.dependencies;
    const record = await this.#record(name, expectedRevision);
    const clear = readNewCredentials(record.type, credentials);
    const capabilities = await requireWorking(requestId, probedOf(record, clear), limits);
    return this.#keep(record, {
      ...PASSED,
      credentials: sealCredentials(masterKey, record, clear),
      capabilities: { ...capabilities },
      lastCheckedAt: clock.now(),
    });
  }

  async update(requestId: string, name: string, change: BackendChangeInput): Promise<BackendView> {
    const { masterKey, limits, clock } = this.dependencies;
    const { expectedRevision, ...input } = change;
    const wish = readBackendChange(input);
    const record = await this.#record(name, expectedRevision);
    const given = wish.credentials === undefined ? undefined : readNewCredentials(record.type, wish.credentials);
    const { clear, endpoint, region, options, ...rest } = given ? probedOf(record, given) : this.#probedOf(record);
    const wanted = {
      endpoint: wish.endpoint === undefined ? endpoint : (wish.endpoint ?? undefined),
      region: wish.region === undefined ? region : (wish.region ?? undefined),
      options: wish.options ?? options,
    };
    const probed = { ...rest, clear, ...withoutUndefined(wanted), options: wanted.options };
    if (!given) assertSentNowhereElse(record, probed);
    const moves = probed.options['path'] !== options['path'];
    const seen = moves ? await assertOwnDirectory(this.dependencies.controlPlane, probed) : undefined;
    const capabilities = await requireWorking(requestId, probed, limits);
    const kept = {
      ...PASSED,
      ...wanted,
      ...(given ? { credentials: sealCredentials(masterKey, record, given) } : {}),
      capabilities: { ...capabilities },
      lastCheckedAt: clock.now(),
    };
    return this.#keep(record, kept, seen);
  }

  async remove(name: string): Promise<void> {
    const { controlPlane, index } = this.dependencies;
    const record = await this.#record(name);
    await assertUnused(controlPlane, index, record);
    await controlPlane.backends.delete(record.id).catch((error: unknown) => {
      if (isControlPlaneError(error, 'not-found')) throw noSuch(name);
      if (!isControlPlaneError(error, 'in-use')) throw error;
      throw new DeploymentError('backend-in-use', `backend ${name} is in use: a bucket was just made there`);
    });
    controlPlane.configuration.invalidate();
  }

  async #record(name: string, expectedRevision?: number): Promise<BackendRecord> {
    const record = await this.dependencies.controlPlane.backends.find(name);
    if (record === undefined) throw noSuch(name);
    if (expectedRevision !== undefined && record.revision !== expectedRevision) throw changed(name);
    return record;
  }

  #probedOf(record: BackendRecord): Probed {
    const opened = this.#open(record);
    if ('clear' in opened) return probedOf(record, opened.clear);
    throw new DeploymentError(
      'backend-check-failed',
      `backend ${record.name}: ${opened.closed}; rotate its credentials`,
    );
  }

  /** The credentials, or why they cannot be opened: another master key, or an altered row. New ones mend it. */
  #open(record: BackendRecord): { readonly clear: ClearCredentials } | { readonly closed: string } {
    try {
      return { clear: openCredentials(this.dependencies.masterKey, record) };
    } catch (error) {
      if (error instanceof EnvelopeError) return { closed: error.message };
      throw error;
    }
  }

  /** One backend whose credentials cannot be opened must not hide the others. */
  #show(record: BackendRecord): BackendView {
    const opened = this.#open(record);
    const circuit = this.dependencies.circuitOf(record.id);
    if ('clear' in opened) return showBackend(record, Object.keys(opened.clear), circuit);
    return showBackend({ ...record, state: 'denied', lastCheckError: opened.closed }, [], circuit);
  }

  /** Only on the definition that was probed, beside the directories that were looked at: a change that came between is somebody else's, and stays. */
  async #keep(record: BackendRecord, change: BackendChange, seen?: SeenDirectories): Promise<BackendView> {
    const { controlPlane } = this.dependencies;
    try {
      return this.#show(await controlPlane.backends.update(record.id, record.revision, change, seen));
    } catch (error) {
      if (isControlPlaneError(error, 'conflict')) throw changed(record.name);
      if (isControlPlaneError(error, 'not-found')) throw noSuch(record.name);
      throw error;
    } finally {
      controlPlane.configuration.invalidate();
    }
  }
}

function probedOf(record: BackendRecord, clear: ClearCredentials): Probed {
  const { name, type, profile, endpoint, region, options } = record;
  return { name, type, options, clear, ...withoutUndefined({ profile, endpoint, region }) };
}

function withoutUndefined<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

/** Whoever may change a backend need not know its credentials, and shall not learn them by having them sent to a server of theirs (ADR 27). */
function assertSentNowhereElse(record: BackendRecord, wanted: Probed): void {
  if (Object.keys(wanted.clear).length === 0) return;
  const { accountName } = wanted.clear;
  const settings = movedDestinations({ ...record, accountName }, { ...wanted, accountName });
  if (settings.length === 0) return;
  throw new DeploymentError(
    'credentials-required',
    `backend ${record.name}: by ${settings.join(', ')} the stored credentials would be sent to another place; give all credentials in the same request`,
    { facts: { settings } },
  );
}

function foundBy(probe: ProbeOutcome): BackendChange {
  if (probe.outcome === 'ok') return { ...PASSED, capabilities: { ...probe.capabilities } };
  return { state: probe.outcome, lastCheckError: probe.reason };
}

function exists(name: string): DeploymentError {
  return new DeploymentError('backend-exists', `a backend "${name}" is registered already; choose another name`);
}

function noSuch(name: string): DeploymentError {
  return new DeploymentError('no-such-backend', `there is no backend "${name}"`);
}

function changed(name: string): DeploymentError {
  return new DeploymentError(
    'changed-meanwhile',
    `backend ${name}, or the directory of another one, was changed meanwhile; read it again and repeat`,
  );
}
