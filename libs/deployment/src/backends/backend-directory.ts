import { isBackendError, type BackendDefinition, type CircuitView, type ObjectBackend } from '#libs/backends';
import type { BackendRecord, ConfigurationCache, ConfigurationSnapshot } from '#libs/metadata';
import { vendorOf } from '#libs/naming';
import { ObjectsError, type BackendCatalog, type BackendDirectory, type KnownBackend } from '#libs/objects';
import { EnvelopeError, type MasterKeys } from '#libs/secrets';
import type { Logger } from '../deployment.js';
import { storedCapabilities } from './capabilities.js';
import { openCredentials, portCredentials } from './credentials.js';
import { openAdapter, type CallLimits, type OpenAdapter } from './open-adapter.js';

/** The definition that the backends port opens, with the credentials unsealed. */
export function definitionOf(record: BackendRecord, masterKey: MasterKeys): BackendDefinition {
  const { name, type, profile, endpoint, region, options } = record;
  return {
    name,
    type,
    options,
    credentials: portCredentials(openCredentials(masterKey, record)),
    ...(profile === undefined ? {} : { profile }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
  };
}

/** All that makes an open adapter what it is: a check that found nothing new changes the revision, and not this. */
function fingerprintOf(record: BackendRecord): string {
  const { type, profile, endpoint, region, options, credentials, capabilities } = record;
  return JSON.stringify([type, profile, endpoint, region, options, credentials, capabilities]);
}

interface Entry {
  /** The snapshot's record that was looked at last: the same object means that nothing changed. */
  record: BackendRecord;
  readonly fingerprint: string;
  readonly adapter: Promise<OpenAdapter>;
  readonly backend: Promise<ObjectBackend>;
  /** Once it is open. */
  opened?: OpenAdapter;
}

export interface DirectoryDependencies {
  readonly configuration: ConfigurationCache;
  readonly masterKey: MasterKeys;
  readonly limits: CallLimits;
  readonly logger: Logger;
}

/** A superseded adapter's downloads may go on this long; readers under way finish within the same time elsewhere (the grace). */
const LONGEST_FAREWELL_MS = 15 * 60_000;
/** At the end of the process nobody should be at work any more. */
const LAST_FAREWELL_MS = 1_000;

/**
 * Opens registered backends by id, as the configuration of at most a second ago defines them, and keeps them open. A changed definition is opened anew; the old one closes when
 * its calls have ended. While nothing changes, `open` costs two look-ups.
 */
export class ConfiguredBackends implements BackendDirectory, BackendCatalog {
  readonly #entries = new Map<string, Entry>();
  #catalog: { readonly of: readonly BackendRecord[]; readonly known: readonly KnownBackend[] } | undefined;

  constructor(private readonly dependencies: DirectoryDependencies) {}

  open(backendId: string): Promise<ObjectBackend> {
    const snapshot = this.dependencies.configuration.currentOrUndefined();
    return snapshot ? this.#openFrom(snapshot, backendId) : this.#openLater(backendId);
  }

  opened(backendId: string): ObjectBackend | undefined {
    const record = this.dependencies.configuration.currentOrUndefined()?.backendById.get(backendId);
    const entry = this.#entries.get(backendId);
    return record !== undefined && entry?.record === record ? entry.opened?.backend : undefined;
  }

  async #openLater(backendId: string): Promise<ObjectBackend> {
    return this.#openFrom(await this.dependencies.configuration.current(), backendId);
  }

  #openFrom(snapshot: ConfigurationSnapshot, backendId: string): Promise<ObjectBackend> {
    const record = snapshot.backendById.get(backendId);
    const entry = this.#entries.get(backendId);
    if (record === undefined) return this.#unknown(backendId, entry);
    if (entry?.record === record) return entry.backend;
    return this.#renew(record, entry).backend;
  }

  #unknown(backendId: string, entry: Entry | undefined): Promise<never> {
    this.#entries.delete(backendId);
    if (entry) this.#retire(entry);
    const facts = { backendId };
    return Promise.reject(new ObjectsError('unknown-backend', 'a backend is registered no more', { facts }));
  }

  #renew(record: BackendRecord, before: Entry | undefined): Entry {
    const fingerprint = fingerprintOf(record);
    if (before?.fingerprint === fingerprint) {
      before.record = record;
      return before;
    }
    const adapter = this.#openAdapter(record);
    const entry: Entry = { record, fingerprint, adapter, backend: adapter.then(({ backend }) => backend) };
    // Whoever asks next tries again; who asked now is told by the promise itself.
    adapter.then(
      (opened) => (entry.opened = opened),
      () => {
        if (this.#entries.get(record.id) === entry) this.#entries.delete(record.id);
      },
    );
    this.#entries.set(record.id, entry);
    if (before) this.#retire(before);
    return entry;
  }

  /** What was kept has worked once: if it cannot even be opened, the deployment is at fault, not the caller. */
  async #openAdapter(record: BackendRecord): Promise<OpenAdapter> {
    const { masterKey, limits } = this.dependencies;
    try {
      return await openAdapter(definitionOf(record, masterKey), limits, storedCapabilities(record.capabilities));
    } catch (cause) {
      const reason = cause instanceof EnvelopeError || isBackendError(cause) ? `: ${cause.message}` : '';
      const message = `backend ${record.name} cannot be opened${reason}`;
      throw new ObjectsError('backend-unavailable', message, { retryAfterSeconds: 30, cause });
    }
  }

  /** Behind the callers' backs: a failure concerns nobody but the log. */
  #retire(entry: Entry): void {
    entry.adapter
      .then((adapter) => adapter.closeWhenIdle(LONGEST_FAREWELL_MS))
      .catch((error: unknown) => {
        const { name } = entry.record;
        this.dependencies.logger.warn({ backend: name, error }, 'a superseded backend could not be closed');
      });
  }

  /** The circuit of a backend as this process sees it; one that it never used is closed. */
  circuitOf(backendId: string): CircuitView {
    return this.#entries.get(backendId)?.opened?.circuit.view() ?? { state: 'closed' };
  }

  async list(): Promise<readonly KnownBackend[]> {
    const { configuration } = this.dependencies;
    const { backends } = configuration.currentOrUndefined() ?? (await configuration.current());
    if (this.#catalog?.of !== backends) this.#catalog = { of: backends, known: backends.map(knownBackend) };
    return this.#catalog.known;
  }

  /** Closes every adapter that is open. Calls still under way after a second fail. */
  async close(): Promise<void> {
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    const closing = entries.map(async (entry) => (await entry.adapter).closeWhenIdle(LAST_FAREWELL_MS));
    for (const end of await Promise.allSettled(closing)) {
      if (end.status === 'rejected')
        this.dependencies.logger.warn({ error: end.reason as unknown }, 'a backend could not be closed');
    }
  }
}

/** A registered backend as the domain knows it. What its options state (a class of disk, a zone) is what placement compares. */
export function knownBackend(record: BackendRecord): KnownBackend {
  const { id, name, type, profile, region, state, options } = record;
  return {
    id,
    name,
    type,
    vendor: vendorOf(type, profile),
    ...(region === undefined ? {} : { region }),
    healthy: state === 'ok',
    attributes: options,
  };
}
