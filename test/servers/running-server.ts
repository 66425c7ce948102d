import type { ServerBinary } from './cache.mjs';
import type { ServerName } from './versions.mjs';

/** Keys of an S3 server. */
export interface AccessKeys {
  readonly accessKey: string;
  readonly secretKey: string;
}

/** An Azure storage account; the key is base64. */
export interface StorageAccount {
  readonly accountName: string;
  readonly accountKey: string;
}

/** A GCS project; the emulator checks no credentials at all. */
export interface Project {
  readonly projectId: string;
}

/** A server that asks nobody who they are. */
export type NoCredentials = Readonly<Record<string, never>>;

/** A real server of its own process group, on a free port of 127.0.0.1, with its data in a temporary directory. */
export interface RunningServer<Credentials> {
  readonly name: ServerName;
  /** URL without a trailing slash; the same for the server's whole life, restarts included. */
  readonly endpoint: string;
  readonly credentials: Credentials;
  /** Process id of the server as it runs now; another one after `restart`. */
  readonly pid: number;
  /** Stops the clock of the server: connections are accepted by the kernel, nothing answers. */
  pause(): void;
  /** Undoes `pause`. */
  resume(): void;
  /** Kills the server as a power cut would (SIGKILL) and resolves when it is gone. Port and data stay reserved. */
  kill(): Promise<void>;
  /** Brings the server up again on the same port and data, after ending it if it still runs; resolves when it is ready. */
  restart(): Promise<void>;
  /** Ends the server and removes its data. Calling it again does nothing. */
  stop(): Promise<void>;
}

/** How one make of server is started and asked whether it is ready. */
export interface Launch {
  readonly binary: Pick<ServerBinary, 'entry'> & { readonly name: string };
  /** The command line for a port and a directory of the server's own; `env` is added to a bare environment. */
  command(port: number, directory: string): { file: string; args: string[]; env?: Record<string, string> };
  /** True once requests would be served. A refused connection counts as not yet. */
  isReady(origin: string): Promise<boolean>;
}
