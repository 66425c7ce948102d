import type { Deployment } from '#libs/deployment';
import type { ShownRecord } from '#libs/metadata';
import type { OperationContext, Outcome } from '#libs/objects';
import type { Exchange } from '../http/exchange.js';
import { finishEarly } from '../http/finish-early.js';
import { isoText } from '../http/iso-text.js';

/** A request about one object, authenticated and taken apart. */
export interface ObjectRequest {
  readonly exchange: Exchange;
  readonly context: OperationContext;
  /** Name of the bucket. */
  readonly bucket: string;
  readonly key: string;
  readonly query: ReadonlyMap<string, string>;
}

/** Names backends by their ids; an id stays itself once its backend is registered no more. */
export async function backendNames(deployment: Deployment): Promise<(id: string) => string> {
  const { configuration } = deployment.controlPlane;
  const { backendById } = configuration.currentOrUndefined() ?? (await configuration.current());
  return (id) => backendById.get(id)?.name ?? id;
}

/** Name of one backend by its id. */
export async function backendName(deployment: Deployment, id: string): Promise<string> {
  return (await backendNames(deployment))(id);
}

/** The same, where the configuration is at hand and fresh. */
export function backendNameAtOnce({ controlPlane }: Deployment, id: string): string | undefined {
  const snapshot = controlPlane.configuration.currentOrUndefined();
  return snapshot && (snapshot.backendById.get(id)?.name ?? id);
}

export function answerJson(exchange: Exchange, body: unknown, headers: Record<string, string> = {}): void {
  const text = JSON.stringify(body);
  finishEarly(
    exchange,
    200,
    {
      ...headers,
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Length': Buffer.byteLength(text),
      'Cache-Control': 'no-store',
    },
    text,
  );
}

/** An object as JSON answers show it. The ETag is bare, as in listings; headers quote it. */
export function shownObject(key: string, record: ShownRecord, location: string): Record<string, unknown> {
  return {
    key,
    size: record.size,
    ETag: record.etag,
    lastModified: isoText(record.lastModified),
    tier: record.tier ?? null,
    storageClass: record.placement.storageClass,
    location,
  };
}

/** The answer to every write that leaves an object (A2.16). */
export async function answerStored(
  deployment: Deployment,
  request: ObjectRequest,
  outcome: Outcome,
  message: string,
): Promise<void> {
  const { record, fate } = outcome;
  const location = await backendName(deployment, record.placement.backend);
  const overwritten = fate === 'overwritten' ? { overwritten: true } : {};
  answerJson(
    request.exchange,
    {
      returnCode: 200,
      message,
      ...shownObject(request.key, record, location),
      checksums: record.checksums,
      ...overwritten,
    },
    { ETag: `"${record.etag}"` },
  );
}
