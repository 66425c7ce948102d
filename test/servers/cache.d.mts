/** Types of cache.mjs, for the launchers. */
import type { PeerName, ServerName, ToolName } from './versions.mjs';

export interface ServerBinary {
  readonly name: ServerName | ToolName | PeerName;
  readonly version: string;
  /** Absolute path of the executable (minio, fake-gcs-server, ferretdb), the script (azurite) or the Python that has it (moto, schemathesis). */
  readonly entry: string;
}
export declare function cacheDirectories(): string[];
export declare function directoryName(name: ServerName | ToolName | PeerName): string;
export declare function entryOf(name: ServerName | ToolName | PeerName, directory: string): string;
export declare function findServer(name: ServerName | ToolName | PeerName): ServerBinary | undefined;
