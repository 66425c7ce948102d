import { once } from 'node:events';
import { createServer, request as forward } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http';

/** What may befall one request on its way to a vendor. */
export const LINE_FAULTS = [
  'is refused as too much',
  'fails inside the vendor',
  'is cut before it arrives',
  'is cut in mid-body',
  'comes when nobody waits any more',
  'loses its answer',
  'is done, and answered as a failure',
  'fails, under the status of a success',
  'is done, and answered as a failure under the status of a success',
  'is cut, with all that follow',
  'is refused, with all that follow',
  'is refused, and all that follow are cut',
] as const;
export type LineFault = (typeof LINE_FAULTS)[number];

/** A request as the line saw it. */
export interface Passed {
  /** What it is, and the how manieth of these: the same in every run, also of requests that go out at once. */
  readonly name: string;
  /** Bytes of its body. */
  readonly size: number;
}

/** An answer in the vendor's own words. */
export interface VendorAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** How one vendor's requests are called and refused. */
export interface Vendorspeak {
  /** A name that is the same in every run: without ids, keys and dates. */
  name(method: string, url: URL): string;
  /** It did nothing, and wants to be left alone. */
  readonly tooMuch: VendorAnswer;
  /** It broke; whether anything was done is not said. */
  readonly broken: VendorAnswer;
  /** Where the server is an emulator that answers a request otherwise than the vendor: the vendor's answer. */
  instead?(asked: Asked): Received | undefined;
  /** What the server answered. */
  heard?(asked: Asked, received: Received): void;
}

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** A line to a vendor's server on which one chosen request, counted from when the line was armed, suffers a chosen fault. Each request is read whole before it goes on. */
export class FaultyLine {
  readonly passed: Passed[] = [];
  readonly #server: Server;
  #armed: { readonly name: string; readonly fault: LineFault } | undefined;
  #hasStruck = false;
  #held = Promise.withResolvers<undefined>();
  #released = Promise.withResolvers<undefined>();
  readonly #underWay = new Set<Promise<unknown>>();

  private constructor(
    private readonly target: URL,
    private readonly speak: Vendorspeak,
  ) {
    this.#server = createServer((incoming, answer) => {
      const serving = this.#serve(incoming, answer).catch(() => answer.destroy());
      this.#underWay.add(serving);
      void serving.finally(() => this.#underWay.delete(serving));
    });
  }

  static async to(target: string, speak: Vendorspeak): Promise<FaultyLine> {
    const line = new FaultyLine(new URL(target), speak);
    line.#server.listen(0, '127.0.0.1');
    await once(line.#server, 'listening');
    return line;
  }

  get origin(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the line is not open');
    return `http://127.0.0.1:${address.port}`;
  }

  /** Names requests anew. With a fault: the one of this name suffers it. */
  begin(fault?: { readonly name: string; readonly fault: LineFault }): void {
    this.passed.length = 0;
    this.#armed = fault;
    this.#hasStruck = false;
    this.#held = Promise.withResolvers();
    this.#released = Promise.withResolvers();
  }

  get hasStruck(): boolean {
    return this.#hasStruck;
  }

  /** Resolves when the request that nobody is to wait for is held. */
  get held(): Promise<undefined> {
    return this.#held.promise;
  }

  /** What was held goes on to the vendor; from now on nothing suffers. Resolves when everything has been answered. */
  async heal(): Promise<void> {
    this.#armed = undefined;
    this.#released.resolve(undefined);
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  async close(): Promise<void> {
    await this.heal();
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const { method = '', url = '/', headers } = incoming;
    const chunks: Buffer[] = [];
    for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
    const asked: Asked = { method, path: url, headers, body: Buffer.concat(chunks) };
    const what = this.speak.name(method, new URL(url, this.target));
    const name = `${what} #${this.passed.filter((one) => one.name.startsWith(`${what} #`)).length + 1}`;
    this.passed.push({ name, size: asked.body.length });
    const armed = this.#armed;
    if (armed && this.#hasStruck) return this.#follow(armed.fault, asked, answer);
    if (armed?.name !== name) return this.#pass(asked, answer);
    this.#hasStruck = true;
    await this.#strike(armed.fault, asked, answer);
  }

  /** A request that comes after the one that was struck. */
  async #follow(fault: LineFault, asked: Asked, answer: ServerResponse): Promise<void> {
    if (fault === 'is cut, with all that follow' || fault === 'is refused, and all that follow are cut') cut(answer);
    else if (fault === 'is refused, with all that follow') say(answer, this.speak.tooMuch);
    else await this.#pass(asked, answer);
  }

  async #strike(fault: LineFault, asked: Asked, answer: ServerResponse): Promise<void> {
    const { tooMuch, broken } = this.speak;
    switch (fault) {
      case 'is refused as too much':
      case 'is refused, with all that follow':
      case 'is refused, and all that follow are cut': {
        say(answer, tooMuch);
        return;
      }
      case 'fails inside the vendor': {
        say(answer, broken);
        return;
      }
      case 'fails, under the status of a success': {
        say(answer, { ...broken, status: 200 });
        return;
      }
      case 'is cut before it arrives':
      case 'is cut, with all that follow': {
        cut(answer);
        return;
      }
      case 'is cut in mid-body':
        await this.#send(asked, Math.ceil(asked.body.length / 2));
        {
          cut(answer);
          return;
        }
      case 'loses its answer':
        await this.#send(asked);
        {
          cut(answer);
          return;
        }
      case 'is done, and answered as a failure':
        await this.#send(asked);
        {
          say(answer, broken);
          return;
        }
      case 'is done, and answered as a failure under the status of a success':
        await this.#send(asked);
        {
          say(answer, { ...broken, status: 200 });
          return;
        }
      case 'comes when nobody waits any more':
        this.#held.resolve(undefined);
        await this.#released.promise;
        await this.#send(asked);
        {
          cut(answer);
          return;
        }
    }
  }

  async #pass(asked: Asked, answer: ServerResponse): Promise<void> {
    const { status, headers, body } = await this.#send(asked);
    answer.writeHead(status, headers);
    answer.end(body);
  }

  /** To the vendor, and its answer; or only so many bytes of the body, after which the connection ends. */
  async #send(asked: Asked, only = asked.body.length): Promise<Received> {
    const instead = this.speak.instead?.(asked);
    if (instead) return instead;
    const received = await this.#exchange(asked, only);
    this.speak.heard?.(asked, received);
    return received;
  }

  #exchange({ method, path, headers, body }: Asked, only: number): Promise<Received> {
    const { hostname: host, port } = this.target;
    return new Promise((resolve, reject) => {
      const onward = forward({ host, port, method, path, headers, agent: false }, (received) => {
        const chunks: Buffer[] = [];
        received.on('data', (chunk: Buffer) => chunks.push(chunk));
        received.on('error', reject);
        received.on('end', () =>
          resolve({ status: received.statusCode ?? 500, headers: received.headers, body: Buffer.concat(chunks) }),
        );
      });
      const partial = only < body.length;
      // Cut by ourselves, it has no answer and needs none.
      const cutShort = (): void => resolve({ status: 0, headers: {}, body: Buffer.alloc(0) });
      onward.on('error', partial ? cutShort : reject);
      if (partial) onward.write(body.subarray(0, only), () => onward.destroy(new Error('cut')));
      else onward.end(body);
    });
  }
}

export interface Received {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

function cut(answer: ServerResponse): void {
  answer.destroy();
}

function say(answer: ServerResponse, { status, headers, body }: VendorAnswer): void {
  answer.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
  answer.end(body);
}
