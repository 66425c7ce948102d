import { GcsGenerationProxy } from './gcs-generation-proxy.js';
import { needServer, probe } from './launching.js';
import type { Project, RunningServer } from './running-server.js';
import { ServerProcess } from './server-process.js';

/**
 * fake-gcs-server behind a proxy that enforces the generation conditions it ignores (gaps.ts names them). The endpoint
 * is the proxy's, in this process; the process id, `pause` and `kill` are the server's. Memory, the default, keeps
 * generations right; the filesystem backend outlives `restart` but makes a new generation at every metadata change.
 */
export async function startFakeGcs({ backend = 'memory' }: { backend?: 'memory' | 'filesystem' } = {}): Promise<
  RunningServer<Project>
> {
  const binary = needServer('fake-gcs-server');
  const proxy = await GcsGenerationProxy.listen();
  const { host } = new URL(proxy.origin);
  const server = await ServerProcess.start({
    binary,
    command: (port, directory) => ({
      file: binary.entry,
      args: [
        ...['-scheme', 'http', '-host', '127.0.0.1', '-port', String(port)],
        // The server routes by this name and puts it into the addresses of resumable uploads: both must lead to the proxy.
        ...['-public-host', host, '-external-url', proxy.origin],
        ...['-backend', backend, ...(backend === 'filesystem' ? ['-filesystem-root', directory] : [])],
        ...['-log-level', 'error'],
      ],
    }),
    isReady: async (origin) => (await probe(`${origin}/_internal/healthcheck`)).status === 200,
  }).catch(async (cause: unknown) => {
    await proxy.close();
    throw cause;
  });
  proxy.forwardTo(server.origin);
  return {
    name: 'fake-gcs-server',
    endpoint: proxy.origin,
    credentials: { projectId: 'spumoni-test' },
    get pid() {
      return server.pid;
    },
    pause: () => server.pause(),
    resume: () => server.resume(),
    kill: () => server.kill(),
    restart: () => server.restart(),
    stop: async () => {
      await proxy.close();
      await server.stop();
    },
  };
}
