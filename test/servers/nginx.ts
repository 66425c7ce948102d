import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { probe } from './launching.js';
import { ServerProcess } from './server-process.js';
import { needProgram } from './system-programs.js';

/** nginx before API processes, with the project's own configuration. */
export interface RunningNginx {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  stop(): Promise<void>;
}

const CONFIGURATION = resolve(import.meta.dirname, '../../ops/nginx/nginx.conf');

/** The project's nginx.conf with other addresses, and its own files in `directory`; everything else as it stands there. Fails if an address is not where it was. */
function configurationFor(port: number, upstreams: readonly string[], directory: string): string {
  const replacements: readonly (readonly [from: string, to: string])[] = [
    ['listen 8080 default_server;', `listen 127.0.0.1:${port} default_server;`],
    ...upstreams.map((url, index) => [`api-${index + 1}:8080 `, `${new URL(url).host} `] as const),
  ];
  let text = readFileSync(CONFIGURATION, 'utf8');
  for (const [from, to] of replacements) {
    if (!text.includes(from)) throw new Error(`ops/nginx/nginx.conf does not say "${from}"`);
    text = text.replace(from, to);
  }
  return text.replaceAll('/tmp/', `${directory}/`);
}

/** Starts the system's nginx before two processes of the API, given by their URLs. */
export async function startNginx(upstreams: readonly [string, string]): Promise<RunningNginx> {
  const binary = needProgram('nginx');
  const server = await ServerProcess.start({
    binary,
    command: (port, directory) => {
      const file = join(dirname(directory), 'nginx.conf');
      writeFileSync(file, configurationFor(port, upstreams, directory));
      // Under root its workers would run as somebody who cannot enter the directory.
      const globals = `daemon off;${process.geteuid?.() === 0 ? ' user root;' : ''}`;
      return { file: binary.entry, args: ['-c', file, '-p', directory, '-g', globals] };
    },
    isReady: async (origin) => (await probe(`${origin}/healthz`)).status === 200,
  });
  return { url: server.origin, stop: () => server.stop() };
}
