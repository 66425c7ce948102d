import { get } from 'node:https';
import { findServer, type ServerBinary } from './cache.mjs';
import type { RunningServer } from './running-server.js';
import type { ServerProcess } from './server-process.js';
import type { ServerName } from './versions.mjs';

const PROBE_MS = 2_000;

/** Answers a probe of a starting server; it fails after 2 s, so that a hanging start is asked again. */
export function probe(url: string): Promise<Response> {
  return fetch(url, { signal: AbortSignal.timeout(PROBE_MS) });
}

/** The https origin of a server whose process knows only its port. */
export function overTls(origin: string): string {
  return origin.replace(/^http:/, 'https:');
}

/** The same over TLS, whoever signed the certificate: the status and one header. */
export function probeTls(url: string): Promise<{ status: number; server: string | undefined }> {
  return new Promise((resolve, reject) => {
    const options = { rejectUnauthorized: false, agent: false as const, signal: AbortSignal.timeout(PROBE_MS) };
    get(url, options, (answer) => {
      answer.resume();
      resolve({ status: answer.statusCode ?? 0, server: String(answer.headers.server) });
    }).on('error', (cause) => reject(new TypeError('no answer yet', { cause })));
  });
}

/** The installed server, or an error that says how to install it. */
export function needServer(name: ServerName): ServerBinary {
  const binary = findServer(name);
  if (!binary) throw new Error(`${name} is not installed; node test/servers/install.mjs installs it`);
  return binary;
}

/** Joins a process with its endpoint and credentials. */
export function asRunning<Credentials>(
  name: ServerName,
  server: ServerProcess,
  { endpoint, credentials }: { endpoint: string; credentials: Credentials },
): RunningServer<Credentials> {
  return {
    name,
    endpoint,
    credentials,
    get pid() {
      return server.pid;
    },
    pause: () => server.pause(),
    resume: () => server.resume(),
    kill: () => server.kill(),
    restart: () => server.restart(),
    stop: () => server.stop(),
  };
}
