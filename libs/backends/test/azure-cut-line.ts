import { createServer, request as forward } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { RunningServer, StorageAccount } from '../../../test/servers/index.js';
import { openBackend } from '../src/index.js';
import type { ObjectBackend } from '../src/index.js';
import { azureDefinition } from './azure-server.js';

/** A line to Azurite that breaks before a chosen request gets there, once. */
export class CutLine {
  #cut: RegExp | undefined;
  #backend: ObjectBackend | undefined;
  readonly #server: Server;

  private constructor(private readonly target: URL) {
    this.#server = createServer((request, response) => this.#pass(request, response));
  }

  static async to({ endpoint, credentials }: RunningServer<StorageAccount>): Promise<CutLine> {
    const target = new URL(endpoint);
    const line = new CutLine(target);
    await new Promise<void>((resolve) => line.#server.listen(0, '127.0.0.1', resolve));
    const { port } = line.#server.address() as AddressInfo;
    const through = { endpoint: `http://127.0.0.1:${port}${target.pathname}`, credentials };
    line.#backend = await openBackend(azureDefinition(through));
    return line;
  }

  /** A backend whose requests go over this line. */
  get backend(): ObjectBackend {
    if (!this.#backend) throw new Error('the line is not open');
    return this.#backend;
  }

  /** Breaks at the next request whose path and query are like this. */
  cut(request: RegExp): void {
    this.#cut = request;
  }

  async close(): Promise<void> {
    await this.#backend?.close();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #pass(request: IncomingMessage, response: ServerResponse): void {
    const { method, url: path = '', headers } = request;
    if (this.#cut?.test(path)) {
      this.#cut = undefined;
      request.socket.destroy();
      return;
    }
    const { hostname: host, port } = this.target;
    const onward = forward({ host, port, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    request.pipe(onward);
  }
}
