/** Types of versions.mjs, for the launchers. */
export type ServerName = 'minio' | 'moto' | 'azurite' | 'fake-gcs-server' | 'ferretdb';
export type ToolName = 'schemathesis';
export type PeerName = 'versitygw' | 'rclone' | 's3proxy';
export declare const SERVERS: Readonly<
  Record<
    ServerName,
    {
      readonly version: string;
      readonly goPackage?: string;
      readonly goProgram?: string;
      readonly npmPackage?: string;
      readonly pipPackage?: string;
    }
  >
>;
export declare const PINNED: Readonly<
  Record<
    ServerName | ToolName | PeerName,
    {
      readonly version: string;
      readonly goPackage?: string;
      readonly goProgram?: string;
      readonly npmPackage?: string;
      readonly pipPackage?: string;
    }
  >
>;
