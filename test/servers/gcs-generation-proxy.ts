import { once } from 'node:events';
import { Agent, createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { demandsOf, demandsOfCompose, isCompose, judge, type Demand, type LiveObject } from './gcs-conditions.js';

/** A compose request lists at most 32 sources; its JSON is far below this. */
const MAX_JSON_BYTES = 1024 * 1024;
const REASONS = { 304: 'notModified', 404: 'notFound', 412: 'conditionNotMet', 501: 'notImplemented' } as const;

/** Lets one commit at a time through, in order. */
class Turnstile {
  private last: Promise<unknown> = Promise.resolve();

  /** Waits for its turn and answers the function that ends it; calling that twice does no harm. */
  async enter(): Promise<() => void> {
    const before = this.last;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.last = promise;
    await before;
    return () => {
      resolve(undefined);
    };
  }
}

/**
 * Stands before fake-gcs-server and keeps the conditions on generations that it ignores, as GCS does: a wrong generation
 * is 404, an unmet condition 412. Everything else streams through unchanged, in constant memory.
 *
 * Checks and commits are one step: every change of an object passes one turnstile, entered only when the last bytes of
 * its body are there (so that no slow client holds it) and left when the server has answered. What it cannot judge,
 * conditions inside a batch or in XML requests, it refuses with 501 instead of letting them pass unkept.
 */
export class GcsGenerationProxy {
  private readonly agent = new Agent({ keepAlive: true });
  private readonly commits = new Turnstile();
  private upstream: URL | undefined;

  private constructor(private readonly server: Server) {
    server.on('request', (incoming: IncomingMessage, answer: ServerResponse) => {
      // A broken connection to the server is passed on as a broken connection: no answer is made up.
      this.serve(incoming, answer).catch(() => answer.destroy());
    });
  }

  /** Listens on a free port of 127.0.0.1; connections before `forwardTo` are cut. */
  static async listen(): Promise<GcsGenerationProxy> {
    const server = createServer({ requestTimeout: 0 });
    const proxy = new GcsGenerationProxy(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  /** Names the server that requests go to, e.g. `http://127.0.0.1:4443`. */
  forwardTo(origin: string): void {
    this.upstream = new URL(origin);
  }

  get origin(): string {
    const address = this.server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy is not listening on a port');
    return `http://127.0.0.1:${address.port}`;
  }

  /** Cuts every connection and ends. */
  async close(): Promise<void> {
    if (!this.server.listening) return;
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    this.agent.destroy();
    await closed;
  }

  private async serve(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const url = new URL(incoming.url ?? '/', this.origin);
    if (Object.keys(incoming.headers).some((name) => name.startsWith('x-goog-if-'))) {
      refuse(answer, 501, 'this test proxy does not keep the conditions of XML requests');
      return;
    }
    const reading = incoming.method === 'GET' || incoming.method === 'HEAD';
    const demands = demandsOf(url);
    if (reading && demands.every(isKeptByTheServer)) {
      await this.pass(incoming, answer, async (send) => send.end());
      return;
    }
    const inJson = url.pathname.startsWith('/batch') || isCompose(url.pathname);
    const buffered = inJson ? await readSmall(incoming) : undefined;
    if (url.pathname.startsWith('/batch') && /[?&](ifG|ifM|g)eneration/i.test(buffered?.toString('latin1') ?? '')) {
      refuse(answer, 501, 'this test proxy does not keep the conditions of requests inside a batch');
      return;
    }
    if (buffered && isCompose(url.pathname)) demands.push(...demandsOfCompose(url.pathname, buffered));
    const last = buffered ?? (demands.length > 0 ? await readSmall(incoming) : undefined);
    await this.commit({ incoming, answer, demands, reading }, last);
  }

  /** Judges and forwards in one turn. Without a `body` at hand the request streams, its last bytes held for the turn. */
  private async commit({ incoming, answer, demands, reading }: Exchange, body: Buffer | undefined): Promise<void> {
    let leave: (() => void) | undefined;
    try {
      if (body === undefined && incoming.headers['content-length'] !== '0') {
        await this.pass(
          incoming,
          answer,
          async (send) => {
            const rest = await sendAllButLast(incoming, send);
            leave = await this.commits.enter();
            // A client that vanished while it waited has ended the request already: its turn must not stay taken.
            if (send.destroyed) leave();
            else send.end(rest);
          },
          () => leave?.(),
        );
        return;
      }
      leave = await this.commits.enter();
      for (const demand of demands) {
        const refusal = judge(demand, await this.liveObject(demand, incoming), reading);
        if (refusal) {
          refuse(answer, refusal, `the proxy before fake-gcs-server judged ${demand.object}`);
          return;
        }
      }
      await this.pass(incoming, answer, async (send) => send.end(body), leave);
    } finally {
      leave?.();
    }
  }

  /** Forwards a request whose body `sendBody` writes, and streams the answer back; `answered` is called at its head. */
  private async pass(
    incoming: IncomingMessage,
    answer: ServerResponse,
    sendBody: (send: ReturnType<typeof request>) => Promise<unknown>,
    answered?: () => void,
  ): Promise<void> {
    const headers = { ...incoming.headers };
    delete headers.expect;
    delete headers.connection;
    const send = this.request(incoming.method ?? 'GET', incoming.url ?? '/', headers);
    const gone = () => send.destroy();
    answer.once('close', gone);
    const [[reply]] = await Promise.all([once(send, 'response') as Promise<[IncomingMessage]>, sendBody(send)]);
    answered?.();
    answer.writeHead(reply.statusCode ?? 502, reply.rawHeaders);
    await pipeline(reply, answer);
    answer.off('close', gone);
  }

  private request(method: string, path: string, headers: IncomingMessage['headers']): ReturnType<typeof request> {
    if (!this.upstream) throw new Error('the proxy has no server to forward to yet');
    const { hostname, port } = this.upstream;
    const send = request({ hostname, port, method, path, headers, agent: this.agent });
    // Failures reach whoever waits for the answer or reads it; the event must have a listener beyond that too.
    send.on('error', () => undefined);
    return send;
  }

  private async liveObject({ object }: Demand, { headers }: IncomingMessage): Promise<LiveObject | undefined> {
    const { host, authorization } = headers;
    const asked = { ...(host ? { host } : {}), ...(authorization ? { authorization } : {}) };
    const send = this.request('GET', `/storage/v1/b/${object}?fields=generation,metageneration`, asked);
    send.end();
    const [reply] = (await once(send, 'response')) as [IncomingMessage];
    const body = await readSmall(reply);
    if (reply.statusCode === 404) return undefined;
    if (reply.statusCode !== 200) throw new Error(`fake-gcs-server answered ${reply.statusCode ?? 0} for ${object}`);
    return JSON.parse(body.toString('utf8')) as LiveObject;
  }
}

/** A read of one generation is answered rightly by fake-gcs-server itself. */
const isKeptByTheServer = ({ conditions }: Demand) => Object.keys(conditions).every((name) => name === 'generation');

interface Exchange {
  readonly incoming: IncomingMessage;
  readonly answer: ServerResponse;
  readonly demands: Demand[];
  readonly reading: boolean;
}

/** Reads a small body whole; fails beyond 1 MiB. */
async function readSmall(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_JSON_BYTES) throw new Error(`a JSON body is longer than ${MAX_JSON_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Sends a body but for its last chunk, which it answers: until that is sent, the server cannot commit. */
async function sendAllButLast(
  incoming: IncomingMessage,
  send: ReturnType<typeof request>,
): Promise<Buffer | undefined> {
  let held: Buffer | undefined;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    if (held && !send.write(held)) await once(send, 'drain');
    held = chunk;
  }
  return held;
}

/** Answers in the shape of GCS's JSON errors. */
function refuse(answer: ServerResponse, status: keyof typeof REASONS, message: string): void {
  const errors = [{ domain: 'global', reason: REASONS[status], message }];
  answer.writeHead(status, { 'content-type': 'application/json; charset=UTF-8' });
  answer.end(status === 304 ? undefined : JSON.stringify({ error: { code: status, message, errors } }));
}
