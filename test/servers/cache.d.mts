/** Types of cache.mjs, for the launchers. */
import type { ServerName } from './versions.mjs';

export interface ServerBinary {
  readonly name: ServerName;
  readonly version: string;
  /** Absolute path of the executable (minio, fake-gcs-server, ferretdb), the script (azurite) or the Python that has it (moto). */
  readonly entry: string;
}
export declare function cacheDirectories(): string[];
export declare function directoryName(name: ServerName): string;
export declare function entryOf(name: ServerName, directory: string): string;
export declare function findServer(name: ServerName): ServerBinary | undefined;
