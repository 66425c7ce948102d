import type { BackendType, S3Profile } from '#libs/naming';

/** A credential value: revealed only where it is used. `#libs/secrets`' Secret is one. */
export interface Revealable {
  reveal(): string;
}

/** The credentials of one backend: keys, or where temporary ones come from. Which are needed is the adapter's to say. */
export interface BackendCredentials {
  /** `keys` (default), `chain` (the SDK's own search of this machine), and by type `web-identity`, `managed-identity`, `workload-identity`. */
  readonly source?: string;
  readonly accessKey?: string;
  readonly secretKey?: Revealable;
  readonly sessionToken?: Revealable;
  /** The AWS role that is assumed, with what its trust policy may ask for. */
  readonly roleArn?: string;
  readonly externalId?: Revealable;
  readonly sessionName?: string;
  /** A file with an identity token, which somebody else keeps fresh. */
  readonly tokenFile?: string;
  readonly accountName?: string;
  readonly accountKey?: Revealable;
  /** A shared access signature of the account. */
  readonly sasToken?: Revealable;
  readonly tenantId?: string;
  readonly clientId?: string;
  /** The service account's JSON document. */
  readonly serviceAccount?: Revealable;
  /** The JSON document of a workload identity federation. */
  readonly externalAccount?: Revealable;
  readonly proxyUser?: string;
  readonly proxyPassword?: Revealable;
}

/** Everything needed to open a backend. */
export interface BackendDefinition {
  readonly name: string;
  readonly type: BackendType;
  readonly profile?: S3Profile;
  readonly endpoint?: string;
  readonly region?: string;
  readonly credentials: BackendCredentials;
  /** Adapter settings, for example `path` (filesystem), `projectId` (gcs), `insecure` (plain http allowed). */
  readonly options: Readonly<Record<string, string | number | boolean>>;
}
