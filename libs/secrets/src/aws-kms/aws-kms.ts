import { MasterKeyError } from '../errors.js';
import type { KeyManagement } from '../key-management.js';
import { masterKeyBytes } from '../master-key.js';

/** Where the key is. Credentials come by the SDK's own chain: environment, profile, role. */
export interface AwsKmsOptions {
  /** Id, ARN or alias (`alias/…`) of a symmetric key. */
  readonly keyId: string;
  readonly region?: string;
  /** For services with AWS's API; https, but for one on this very machine. */
  readonly endpoint?: string;
}

/** Part of every wrapped key: nothing else that the same KMS key wrapped is taken for a master key. */
const CONTEXT = { purpose: 'spumoni-master-key' };
const TIMEOUT_MS = 10_000;

/**
 * Master keys wrapped by AWS KMS (GenerateDataKey and Decrypt, with the encryption context `purpose=spumoni-master-key`). The service is asked at the start of a process and never after; three tries of
 * at most 10 s each. The client is loaded only where it is used.
 */
export async function openAwsKms({ keyId, region, endpoint }: AwsKmsOptions): Promise<KeyManagement> {
  const { DecryptCommand, GenerateDataKeyCommand, KMSClient } = await import('@aws-sdk/client-kms');
  const client = new KMSClient({
    maxAttempts: 3,
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
  });
  const name = `AWS KMS key ${keyId}`;
  const within = (): { abortSignal: AbortSignal } => ({ abortSignal: AbortSignal.timeout(3 * TIMEOUT_MS) });
  return {
    name,
    generate: async () => {
      const request = { KeyId: keyId, NumberOfBytes: masterKeyBytes, EncryptionContext: CONTEXT };
      const answer = await asked(name, 'make a key', () => client.send(new GenerateDataKeyCommand(request), within()));
      return { plain: whole(name, answer.Plaintext), wrapped: whole(name, answer.CiphertextBlob) };
    },
    unwrap: async (wrapped) => {
      const request = { KeyId: keyId, CiphertextBlob: wrapped, EncryptionContext: CONTEXT };
      const answer = await asked(name, 'unwrap a key', () => client.send(new DecryptCommand(request), within()));
      return whole(name, answer.Plaintext);
    },
    close: () => client.destroy(),
  };
}

async function asked<T>(name: string, what: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (cause) {
    const said = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
    throw new MasterKeyError(`${name} would not ${what}: ${said}`, { cause });
  }
}

function whole(name: string, bytes: Uint8Array | undefined): Uint8Array {
  if (bytes === undefined) throw new MasterKeyError(`${name} answered without a key`);
  return bytes;
}
