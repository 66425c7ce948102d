import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { z } from 'zod';

const value = z.union([
  z.object({ stringValue: z.string() }).transform(({ stringValue }) => stringValue),
  z.object({ intValue: z.union([z.number(), z.string()]) }).transform(({ intValue }) => Number(intValue)),
  z.object({ doubleValue: z.number() }).transform(({ doubleValue }) => doubleValue),
  z.object({ boolValue: z.boolean() }).transform(({ boolValue }) => boolValue),
]);
const attributes = z
  .array(z.object({ key: z.string(), value }))
  .default([])
  .transform((list) => Object.fromEntries(list.map((one) => [one.key, one.value])));
const span = z.object({
  traceId: z.string().regex(/^[0-9a-f]{32}$/),
  spanId: z.string().regex(/^[0-9a-f]{16}$/),
  parentSpanId: z.string().optional(),
  name: z.string(),
  kind: z.number(),
  attributes,
  links: z.array(z.object({ traceId: z.string(), spanId: z.string() })).default([]),
  status: z.object({ code: z.number().default(0) }).default({ code: 0 }),
});
/** ExportTraceServiceRequest of OTLP, in its JSON form. */
const posted = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes }),
      scopeSpans: z.array(z.object({ spans: z.array(span) })),
    }),
  ),
});

export type ReceivedSpan = z.output<typeof span> & { readonly service: unknown };

/** A receiver of OTLP/HTTP that reads what it is sent, as a collector would, and keeps it. */
export class OtlpReceiver {
  readonly spans: ReceivedSpan[] = [];
  /** Headers of each post. */
  readonly headers: Readonly<Record<string, unknown>>[] = [];
  /** Everything that was posted, as it came. */
  text = '';
  /** Answered instead of taking it, where set. */
  refusesWith: number | undefined;
  /** Posts stay without an answer. */
  isSilent = false;
  #faults: unknown[] = [];

  private constructor(private readonly server: Server) {}

  static async start(): Promise<OtlpReceiver> {
    const server = createServer();
    const receiver = new OtlpReceiver(server);
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        receiver.headers.push(request.headers);
        if (receiver.isSilent) return;
        if (receiver.refusesWith === undefined) receiver.#take(request.url, Buffer.concat(chunks).toString('utf8'));
        response.writeHead(receiver.refusesWith ?? 200, { 'content-type': 'application/json' }).end('{}');
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return receiver;
  }

  get endpoint(): string {
    const address = this.server.address();
    if (typeof address !== 'object' || address === null) throw new Error('not listening');
    return `http://127.0.0.1:${address.port}`;
  }

  /** Spans of that name; fails where something came that is no OTLP. */
  named(name: string): ReceivedSpan[] {
    if (this.#faults.length > 0) throw new AggregateError(this.#faults, 'what was posted is no OTLP');
    return this.spans.filter((one) => one.name === name);
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  #take(url: string | undefined, text: string): void {
    this.text += text;
    try {
      if (url !== '/v1/traces') throw new Error(`posted to ${url ?? 'nowhere'}`);
      for (const { resource, scopeSpans } of posted.parse(JSON.parse(text)).resourceSpans)
        for (const { spans } of scopeSpans)
          for (const one of spans) this.spans.push({ ...one, service: resource.attributes['service.name'] });
    } catch (error) {
      this.#faults.push(error);
    }
  }
}
