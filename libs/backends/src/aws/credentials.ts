import { BackendError, isBackendError } from '../errors.js';
import type { BackendErrorKind } from '../errors.js';
import { Renewed } from '../identity/index.js';
import type { Call } from '../object-backend.js';
import type { AwsConfig } from './config.js';
import type { AwsIdentity, AwsKeys, AwsRole } from './identity.js';
import type { SdkTransport } from './sdk-transport.js';

/** How long all that a renewal asks may take: a chain tries several places one after the other. */
const RENEWAL_MS = 30_000;

/** The codes with which S3 and its relatives refuse keys that held once. */
const ENDED: ReadonlySet<string> = new Set([
  'ExpiredToken',
  'ExpiredTokenException',
  'InvalidAccessKeyId',
  'InvalidToken',
  'InvalidTokenId',
  'TokenRefreshRequired',
]);

/** Whether a refusal says that the keys hold no more. Answers to HEAD have no code: of those any refusal may. */
export function saysEnded(code: string | undefined): boolean {
  return code === undefined || ENDED.has(code);
}

/** The keys that sign the requests of one backend, asked before each. Those that end are renewed before they do, by the vendor's SDK. */
export class AwsCredentials {
  readonly #config: AwsConfig;
  readonly #fixed: AwsKeys | undefined;
  readonly #renewed: Renewed<AwsKeys>;
  readonly #transport: SdkTransport;
  #provider: Promise<Provider> | undefined;

  constructor(config: AwsConfig, transport: SdkTransport, now?: () => number) {
    const { identity, name: backend } = config;
    this.#config = config;
    this.#transport = transport;
    this.#fixed = identity.source === 'keys' && identity.role === undefined ? identity.keys : undefined;
    this.#renewed = new Renewed({ backend, fetch: () => this.#fetch(), ...(now === undefined ? {} : { now }) });
  }

  /** Whether others can be had when the vendor refuses these. */
  get renewable(): boolean {
    return this.#fixed === undefined;
  }

  /** The keys, if nothing needs to be asked for them. */
  current(): AwsKeys | undefined {
    return this.#fixed ?? this.#renewed.current();
  }

  /** Fails with `denied` where they are refused, `unavailable` where nobody answers, `timeout` when the call is given up first. */
  async get(call: Call): Promise<AwsKeys> {
    return this.#fixed ?? (await this.#renewed.get(call));
  }

  /** The vendor refused these. Answers whether to try again with others. */
  refused(accessKey: string): boolean {
    return this.renewable && this.#renewed.refused((keys) => keys.accessKey === accessKey);
  }

  async #fetch(): Promise<AwsKeys> {
    const { name: backend, identity } = this.#config;
    try {
      this.#provider ??= openProvider(this.#config, this.#transport);
      const provide = await this.#provider;
      const given = await withinTime(provide());
      return {
        accessKey: given.accessKeyId,
        secretKey: { reveal: () => given.secretAccessKey },
        ...(given.sessionToken === undefined ? {} : { sessionToken: hidden(given.sessionToken) }),
        ...(given.expiration === undefined ? {} : { expiresAt: given.expiration.getTime() }),
      };
    } catch (error) {
      throw renewalFailure(backend, identity, error);
    }
  }
}

type Provider = () => Promise<{
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
  readonly expiration?: Date | undefined;
}>;

const hidden = (text: string): { reveal(): string } => ({ reveal: () => text });

/** The SDK is loaded with the first call that needs it. What it asks STS goes over the backend's own line; a machine's own services it asks itself. */
async function openProvider(config: AwsConfig, transport: SdkTransport): Promise<Provider> {
  const sdk = await import('@aws-sdk/credential-providers');
  const { identity, region, stsEndpoint } = config;
  const clientConfig = {
    region,
    maxAttempts: 2,
    requestHandler: transport.handler(),
    ...(stsEndpoint === undefined ? {} : { endpoint: stsEndpoint.origin }),
  };
  if (identity.source === 'web-identity')
    return sdk.fromTokenFile({
      webIdentityTokenFile: identity.tokenFile,
      roleArn: identity.role.arn,
      roleSessionName: identity.role.sessionName,
      clientConfig,
    });
  // It keeps what it found, too: whoever asks here wants it afresh.
  const found = identity.source === 'chain' ? sdk.fromNodeProviderChain({ clientConfig }) : undefined;
  const chain = found === undefined ? undefined : () => found({ forceRefresh: true });
  if (identity.role === undefined) {
    if (chain === undefined) throw new Error('fixed keys need no provider');
    return chain;
  }
  return sdk.fromTemporaryCredentials({
    masterCredentials: chain ?? masterOf(identity),
    params: paramsOf(identity.role),
    clientConfig,
  });
}

function masterOf(identity: AwsIdentity): { accessKeyId: string; secretAccessKey: string; sessionToken?: string } {
  if (identity.source !== 'keys') throw new Error('only keys are at hand');
  const { accessKey, secretKey, sessionToken } = identity.keys;
  return {
    accessKeyId: accessKey,
    secretAccessKey: secretKey.reveal(),
    ...(sessionToken === undefined ? {} : { sessionToken: sessionToken.reveal() }),
  };
}

function paramsOf({ arn, externalId, sessionName }: AwsRole) {
  return {
    RoleArn: arn,
    RoleSessionName: sessionName,
    ...(externalId === undefined ? {} : { ExternalId: externalId.reveal() }),
  };
}

class Late extends Error {
  override readonly name = 'LateError';
}

async function withinTime<T>(asked: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Late(`nobody gave any in ${RENEWAL_MS / 1000} seconds`)), RENEWAL_MS);
  try {
    return await Promise.race([asked, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** In the port's words: what STS refused is `denied`; a chain that finds nothing is, too; what did not answer is `unavailable`. */
function renewalFailure(backend: string, identity: AwsIdentity, error: unknown): BackendError {
  const what = identity.role === undefined ? 'credentials' : `credentials for the role ${identity.role.arn}`;
  const said = error instanceof Error ? error.message : 'no reason given';
  const status = statusOf(error);
  const kind = kindOf(error, status);
  const vendorCode = status !== undefined && error instanceof Error ? { vendorCode: error.name } : {};
  return new BackendError(kind, `backend ${backend} got no ${what}: ${said}`, { backend, cause: error, ...vendorCode });
}

function kindOf(error: unknown, status: number | undefined): BackendErrorKind {
  if (isBackendError(error)) return error.kind;
  if (error instanceof Late) return 'timeout';
  return status !== undefined && status >= 500 ? 'unavailable' : 'denied';
}

function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('$metadata' in error)) return undefined;
  const { $metadata: facts } = error;
  if (typeof facts !== 'object' || facts === null || !('httpStatusCode' in facts)) return undefined;
  return typeof facts.httpStatusCode === 'number' ? facts.httpStatusCode : undefined;
}
