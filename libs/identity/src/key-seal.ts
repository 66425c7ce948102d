import { openEnvelope, sealEnvelope, type MasterKeys, type Secret } from '#libs/secrets';

/** What a key's secret is bound to: copied into another key's row, it does not open. */
const boundTo = (accessKeyId: string): readonly string[] => ['access-key', accessKeyId];

export function sealKeySecret(masterKey: MasterKeys, accessKeyId: string, secret: Secret): string {
  return sealEnvelope(masterKey, secret, boundTo(accessKeyId));
}

/** Throws `EnvelopeError` if it was altered, or sealed under another master key. */
export function openKeySecret(masterKey: MasterKeys, accessKeyId: string, sealed: string): Secret {
  return openEnvelope(masterKey, sealed, boundTo(accessKeyId));
}

/** The same secret, sealed under the master key that is current now. */
export function resealKeySecret(masterKey: MasterKeys, accessKeyId: string, sealed: string): string {
  return sealKeySecret(masterKey, accessKeyId, openKeySecret(masterKey, accessKeyId, sealed));
}
