import { randomBytes } from 'node:crypto';
import type { WebhookRecord } from '#libs/metadata';
import { masterKeyIdOf, openEnvelope, sealEnvelope, Secret, type MasterKeys } from '#libs/secrets';

/** What a webhook's secret is bound to: copied into another's row, it does not open. */
const boundTo = (id: string): readonly string[] => ['webhook', id];

/** Secrets that webhooks verify by. */
export class WebhookSecrets {
  constructor(private readonly masterKeys: MasterKeys) {}

  /** 256 bits, in words of base64url after a prefix that scanners of leaked secrets can know. */
  make(): Secret {
    return new Secret(`whsec_${randomBytes(32).toString('base64url')}`);
  }

  /** Sealed anew under the master key that is current; undefined if it was already. */
  resealed(webhook: Pick<WebhookRecord, 'id' | 'secret'>): string | undefined {
    const isCurrent = masterKeyIdOf(webhook.secret) === this.masterKeys.current.id;
    return isCurrent ? undefined : this.seal(webhook.id, this.open(webhook));
  }

  seal(id: string, secret: Secret): string {
    return sealEnvelope(this.masterKeys, secret, boundTo(id));
  }

  /** Throws `EnvelopeError` if it was altered, or sealed under a master key that is not at hand. */
  open({ id, secret }: Pick<WebhookRecord, 'id' | 'secret'>): Secret {
    return openEnvelope(this.masterKeys, secret, boundTo(id));
  }
}
