import type { CircuitView } from '#libs/backends';
import type { BackendRecord } from '#libs/metadata';
import { vendorOf } from '#libs/naming';
import { storageClassesOf } from '#libs/tiering';
import { isoTime } from '../paging.js';
import type { BackendView } from './backend-service.js';
import { storedCapabilities } from './capabilities.js';

/** What may be shown of a backend. `fields` are the names of the credential fields that are set. */
export function showBackend(record: BackendRecord, fields: readonly string[], circuit: CircuitView): BackendView {
  const { id, name, type, profile, endpoint, region, options, state, lastCheckedAt, lastCheckError } = record;
  const vendor = vendorOf(type, profile);
  const capabilities = storedCapabilities(record.capabilities);
  return {
    id,
    name,
    type,
    ...(profile === undefined ? {} : { profile }),
    vendor,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    options,
    credentials: fields,
    capabilities,
    weak: capabilities.tokens === 'none',
    state,
    circuit: shownCircuit(circuit),
    ...(lastCheckedAt === undefined ? {} : { lastCheckedAt: isoTime(lastCheckedAt) }),
    ...(lastCheckError === undefined ? {} : { lastCheckError }),
    storageClasses: storageClassesOf(vendor),
    createdAt: isoTime(record.createdAt),
    revision: record.revision,
  };
}

function shownCircuit({ state, reason, retryAfterMs }: CircuitView): BackendView['circuit'] {
  return {
    state,
    ...(reason === undefined ? {} : { reason }),
    ...(retryAfterMs === undefined ? {} : { retryAfterSeconds: Math.ceil(retryAfterMs / 1_000) }),
  };
}
