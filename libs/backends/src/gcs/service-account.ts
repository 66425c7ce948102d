import { createPrivateKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import type { Revealable } from '../definition.js';

/** What of a service account's JSON document is used. The key is held as a KeyObject, which does not print. */
export interface ServiceAccount {
  readonly clientEmail: string;
  readonly privateKey: KeyObject;
  readonly privateKeyId: string | undefined;
  readonly projectId: string | undefined;
  readonly tokenUri: URL;
}

const document = z.object({
  type: z.literal('service_account', "expected 'service_account'"),
  client_email: z.string('missing').min(1, 'missing'),
  private_key: z.string('missing').min(1, 'missing'),
  private_key_id: z.string().optional(),
  project_id: z.string().optional(),
  token_uri: z.url('expected a URL').default('https://oauth2.googleapis.com/token'),
});

const AT = 'credentials.serviceAccount';

/** Reads the JSON document of a service account's key. What is wrong goes into `problems`, never with a part of the document. */
export function parseServiceAccount(
  given: Revealable,
  insecure: boolean,
  problems: string[],
): ServiceAccount | undefined {
  const parsed = document.safeParse(parseJson(given.reveal()));
  if (!parsed.success) {
    problems.push(...parsed.error.issues.map(({ path, message }) => `${[AT, ...path].join('.')}: ${message}`));
    return undefined;
  }
  const { client_email: clientEmail, private_key: pem, token_uri: uri } = parsed.data;
  const tokenUri = new URL(uri);
  if (tokenUri.protocol !== 'https:' && !(tokenUri.protocol === 'http:' && insecure))
    problems.push(`${AT}.token_uri: plain http gives the access away; use https, or set options.insecure`);
  const privateKey = parseKey(pem);
  if (!privateKey) {
    problems.push(`${AT}.private_key: expected an RSA private key in PEM`);
    return undefined;
  }
  return {
    clientEmail,
    privateKey,
    privateKeyId: parsed.data.private_key_id,
    projectId: parsed.data.project_id,
    tokenUri,
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's error quotes the document, which holds the key: it must not become a cause. The schema refuses the absence of an object.
    return undefined;
  }
}

function parseKey(pem: string): KeyObject | undefined {
  try {
    const key = createPrivateKey(pem);
    return key.asymmetricKeyType === 'rsa' ? key : undefined;
  } catch {
    // For the same reason without its cause; the caller says what was expected.
    return undefined;
  }
}
