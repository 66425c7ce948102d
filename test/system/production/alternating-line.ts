import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { pipeline } from 'node:stream';

/** One address whose connections go to each of several servers in turn, as a plain TCP proxy before them does it. */
export interface AlternatingLine {
  readonly url: string;
  close(): Promise<void>;
}

export async function alternatingLine(targets: readonly string[]): Promise<AlternatingLine> {
  let turn = 0;
  const server = createServer((client) => {
    const { hostname, port } = new URL(targets[turn % targets.length] ?? '');
    turn += 1;
    const upstream = connect(Number(port), hostname);
    // Either end may hang up at any time; the other then hears of it.
    pipeline(client, upstream, () => upstream.destroy());
    pipeline(upstream, client, () => client.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    close: async () => {
      server.close();
      await once(server, 'close');
    },
  };
}
