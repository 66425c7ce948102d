import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';

export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly event: {
    readonly id: string;
    readonly type: string;
    readonly bucket?: string;
    readonly key?: string;
    readonly data: object;
  };
}

/** A server that takes webhooks; each path answers as it was told to, 200 if nothing was said, and `hang` never. */
export class WebhookReceiver {
  readonly received: Received[] = [];
  readonly answers = new Map<string, number | 'hang'>();
  #server: Server | undefined;

  async start(): Promise<void> {
    this.#server = createServer((request, response) => {
      const chunks: Uint8Array[] = [];
      request.on('data', (chunk: Uint8Array) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks).toString('utf8');
        const path = request.url ?? '';
        this.received.push({ path, headers: request.headers, body, event: JSON.parse(body) as Received['event'] });
        const answer = this.answers.get(path) ?? 200;
        if (answer === 'hang') return;
        response.writeHead(answer, { Location: '/redirected' });
        response.end('thank you');
      });
    });
    await new Promise<void>((resolve) => this.#server?.listen(0, '127.0.0.1', resolve));
  }

  url(path: string): string {
    const address = this.#server?.address();
    if (typeof address !== 'object' || !address) throw new Error('start it first');
    return `http://127.0.0.1:${address.port}${path}`;
  }

  at(path: string): Received[] {
    return this.received.filter((one) => one.path === path);
  }

  stop(): void {
    this.#server?.closeAllConnections();
    this.#server?.close();
  }
}

/** What a receiver does with the signature, written down a second time from its description. */
export function isSigned({ headers, body }: Received, secret: string): boolean {
  const [, seconds, given] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['x-spumoni-signature'])) ?? [];
  return given === createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex');
}
