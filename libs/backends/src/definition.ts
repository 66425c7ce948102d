import type { BackendType, S3Profile } from '#libs/naming';

/** A credential value: revealed only where it is used. `#libs/secrets`' Secret is one. */
export interface Revealable {
  reveal(): string;
}

/** The credentials of one backend, by the fields of DESIGN section 6. Which are needed is the adapter's to say. */
export interface BackendCredentials {
  readonly accessKey?: string;
  readonly secretKey?: Revealable;
  readonly sessionToken?: Revealable;
  readonly accountName?: string;
  readonly accountKey?: Revealable;
  /** The service account's JSON document. */
  readonly serviceAccount?: Revealable;
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
