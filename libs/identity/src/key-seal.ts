import { openEnvelope, sealEnvelope, type MasterKey, type Secret } from '#libs/secrets';

/** What a key's secret is bound to: copied into another key's row, it does not open. */
const boundTo = (accessKeyId: string): readonly string[] => ['access-key', accessKeyId];

export function sealKeySecret(masterKey: MasterKey, accessKeyId: string, secret: Secret): string {
  return sealEnvelope(masterKey, secret, boundTo(accessKeyId));
}

/** Throws `EnvelopeError` if it was altered, or sealed under another master key. */
export function openKeySecret(masterKey: MasterKey, accessKeyId: string, sealed: string): Secret {
  return openEnvelope(masterKey, sealed, boundTo(accessKeyId));
}
