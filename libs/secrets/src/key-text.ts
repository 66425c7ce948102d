import { MasterKeyError } from './errors.js';
import type { KeyManagement } from './key-management.js';
import { MasterKey, masterKeyBytes } from './master-key.js';

/** A KMS's wrapped keys are longer than any plain one. */
const LEAST_WRAPPED_BYTES = 64;

/**
 * The master keys in a text, separated by blanks, line ends or commas: each 64 hex digits, or 32 bytes in base64, or what a KMS made of one, in base64. `where` begins the complaint about one that is none of these,
 * which never quotes it.
 */
export async function parseMasterKeys(text: string, where: string, kms?: KeyManagement): Promise<readonly MasterKey[]> {
  const words = text.split(/[\s,]+/).filter((word) => word !== '');
  const keys = await Promise.all(words.map((word) => parseOne(word, where, kms)));
  return [...new Map(keys.map((key) => [key.id, key])).values()];
}

async function parseOne(word: string, where: string, kms: KeyManagement | undefined): Promise<MasterKey> {
  if (/^[0-9a-f]{64}$/.test(word)) return new MasterKey(Buffer.from(word, 'hex'));
  const bytes = Buffer.from(word, 'base64');
  const isBase64 = bytes.toString('base64') === word;
  if (isBase64 && bytes.length === masterKeyBytes) return new MasterKey(bytes);
  if (!isBase64 || bytes.length < LEAST_WRAPPED_BYTES) {
    throw new MasterKeyError(
      `${where} is damaged: expected ${masterKeyBytes * 2} hex digits, or ${masterKeyBytes} bytes in base64, for each key; restore it from your backup`,
    );
  }
  if (kms === undefined)
    throw new MasterKeyError(
      `${where} holds a key that a KMS has wrapped: SPUMONI_KMS_KEY must say which KMS key it was`,
    );
  return new MasterKey(await kms.unwrap(bytes));
}
