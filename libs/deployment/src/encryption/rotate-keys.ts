import { resealKeySecret } from '#libs/identity';
import { isControlPlaneError, type ControlPlane } from '#libs/metadata';
import {
  rewrapKeys,
  rewrappedSegment,
  type Engine,
  type JobEnd,
  type OperationContext,
  type RewrapKeys,
} from '#libs/objects';
import { masterKeyIdOf, type KeyRing } from '#libs/secrets';
import { openCredentials, sealCredentials } from '../backends/credentials.js';
import { WebhookSecrets } from '../events/webhook-secrets.js';
import { everyItem } from '../paging.js';
import { segmentOf } from '../uploads/stored-text.js';

/** What a rotation works with. */
export interface RotationTools {
  readonly engine: Engine;
  readonly controlPlane: ControlPlane;
  readonly masterKey: KeyRing;
}

/**
 * Carries out a rotation to the master key that the job names: credentials are sealed anew, then the data keys of objects wrapped anew; when nothing comes under another key any more, the old ones are
 * recorded as retired and may be taken away. Can be begun again at any point.
 */
export async function rotateKeys(
  tools: RotationTools,
  context: OperationContext,
  run: RewrapKeys & { readonly to: string },
): Promise<JobEnd> {
  const { controlPlane, masterKey, engine } = tools;
  controlPlane.configuration.invalidate();
  await controlPlane.configuration.current();
  if (masterKey.current.id !== run.to)
    return { state: 'failed', error: `${run.to} is not the current master key; a later rotation has replaced it` };
  await resealCredentials(tools);
  await resealWebhooks(tools);
  await rewrapUploads(tools);
  const end = await rewrapKeys(engine, context, run);
  if (end.state !== 'completed') return end;
  // Once more, for what was sealed by a process that had not followed yet.
  await resealCredentials(tools);
  await resealWebhooks(tools);
  await rewrapUploads(tools);
  await controlPlane.masterKeys.retire();
  return end;
}

const PAGE = 500;

/** The data keys of uploads that are under way. */
async function rewrapUploads({ controlPlane: { uploads }, engine }: RotationTools): Promise<void> {
  let page = await uploads.listSegments(PAGE);
  for (;;) {
    for (const stored of page) {
      const rewrapped = rewrappedSegment(engine, stored.bucketId, segmentOf(stored.segment));
      if (rewrapped) await uploads.replaceSegment(stored, JSON.stringify(rewrapped));
    }
    const last = page.at(-1);
    if (!last || page.length < PAGE) return;
    page = await uploads.listSegments(PAGE, last);
  }
}

/** Likewise of webhooks. One that was made meanwhile under the old key is found by the next look. */
async function resealWebhooks({ controlPlane, masterKey }: RotationTools): Promise<void> {
  const { events } = controlPlane;
  const secrets = new WebhookSecrets(masterKey);
  for await (const webhook of everyItem((page) => events.listWebhooks(page))) {
    const resealed = secrets.resealed(webhook);
    if (resealed !== undefined) await events.resealWebhook(webhook.id, webhook.secret, resealed);
  }
}

/** Until a whole look finds nothing under another key: each change counts only if nobody else's came between. */
async function resealCredentials({ controlPlane, masterKey }: RotationTools): Promise<void> {
  for (;;) {
    controlPlane.configuration.invalidate();
    const { backends, keys } = await controlPlane.configuration.current();
    const { id } = masterKey.current;
    const staleBackends = backends.filter((backend) => masterKeyIdOf(backend.credentials) !== id);
    const staleKeys = keys.filter((key) => masterKeyIdOf(key.secret) !== id);
    if (staleBackends.length + staleKeys.length === 0) return;
    for (const backend of staleBackends) {
      const credentials = sealCredentials(masterKey, backend, openCredentials(masterKey, backend));
      await controlPlane.backends.update(backend.id, backend.revision, { credentials }).catch((error: unknown) => {
        if (!isControlPlaneError(error, 'conflict') && !isControlPlaneError(error, 'not-found')) throw error;
      });
    }
    for (const { accessKeyId, secret } of staleKeys)
      await controlPlane.keys.reseal(accessKeyId, secret, resealKeySecret(masterKey, accessKeyId, secret));
  }
}
