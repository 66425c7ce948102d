import type * as sdk from '@aws-sdk/client-s3';
import type { Call } from '../object-backend.js';
import { answerFailure, garbage, isForeign } from './errors.js';
import type { S3Requests } from './requests.js';
import { percentEncode } from './signer.js';
import { isWholeXml } from './xml.js';

type Sdk = typeof sdk;

/** What the SDK hands to its transport, of which this much is used. */
interface SdkRequest {
  readonly method: string;
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | readonly string[] | null>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

const CONTROL_ANSWER_BYTES = 64 * 1024 * 1024;

/**
 * The control calls, made by the vendor's SDK, which is loaded when the first one is. Its requests travel over the same wire as the data path's:
 * one set of connections, one meaning of deadlines and of errors. It neither retries nor adds checksums that compatible services do not know.
 */
export class Control {
  readonly #s3: S3Requests;
  #client: Promise<{ sdk: Sdk; client: sdk.S3Client }> | undefined;

  constructor(s3: S3Requests) {
    this.#s3 = s3;
  }

  /** Runs one command. Fails with `BackendError` alone; an answer that is not S3's is `unavailable`. */
  async run<Answer>(
    call: Call,
    command: (sdk: Sdk, client: sdk.S3Client, options: SendOptions) => Promise<Answer>,
  ): Promise<Answer> {
    this.#client ??= this.#open();
    const { sdk, client } = await this.#client;
    return await command(sdk, client, {
      ...(call.signal === undefined ? {} : { abortSignal: call.signal }),
      ...(call.deadlineMs === undefined ? {} : { requestTimeout: call.deadlineMs }),
    });
  }

  /** The vendor's own tags of one write, or of what stands at the key. */
  async objectTags(call: Call, container: string, key: string, versionId?: string): Promise<Record<string, string>> {
    const which = versionId === undefined || versionId === 'null' ? {} : { VersionId: versionId };
    const answer = await this.run(call, ({ GetObjectTaggingCommand }, client, options) =>
      client.send(new GetObjectTaggingCommand({ Bucket: container, Key: key, ...which }), options),
    );
    const tags = answer.TagSet;
    if (tags === undefined) throw garbage(this.#s3.config.name, `read the tags of ${key} in ${container}`);
    return Object.fromEntries(tags.map(({ Key = '', Value = '' }) => [Key, Value]));
  }

  async close(): Promise<void> {
    const opened = await this.#client;
    opened?.client.destroy();
  }

  async #open(): Promise<{ sdk: Sdk; client: sdk.S3Client }> {
    const { config } = this.#s3;
    const module = await import('@aws-sdk/client-s3');
    const client = new module.S3Client({
      endpoint: config.endpoint.origin,
      region: config.region,
      forcePathStyle: config.addressing === 'path',
      credentials: {
        accessKeyId: config.accessKey,
        secretAccessKey: config.secretKey.reveal(),
        ...(config.sessionToken === undefined ? {} : { sessionToken: config.sessionToken.reveal() }),
      },
      maxAttempts: 1,
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      requestHandler: {
        handle: async (request: SdkRequest, options: SendOptions = {}) => ({
          response: await this.#transport(request, options),
        }),
        destroy: () => undefined,
      },
    });
    return { sdk: module, client };
  }

  async #transport(request: SdkRequest, options: SendOptions): Promise<SdkResponse> {
    const { config } = this.#s3;
    const action = `${request.method} ${request.path}`;
    const port = request.port === undefined ? '' : `:${request.port}`;
    const headers = Object.entries(request.headers).filter(([name]) => name.toLowerCase() !== 'content-length');
    const query = queryOnTheLine(request.query ?? {});
    const answer = await this.#s3.wireTo(`${request.protocol}//${request.hostname}${port}`).send(
      {
        method: request.method,
        path: query ? `${request.path}?${query}` : request.path,
        headers: headers.flat(),
        ...bodyOf(request.body),
      },
      callOf(options),
    );
    const body = await answer.body.collect(CONTROL_ANSWER_BYTES);
    const text = request.method === 'HEAD' ? undefined : Buffer.from(body).toString();
    if (answer.status >= 300)
      throw answerFailure({ backend: config.name, action, status: answer.status, headers: answer.headers, text });
    if (text ? !isWholeXml(text) : isForeign(answer.headers)) throw garbage(config.name, action);
    return { statusCode: answer.status, headers: answer.headers, body };
  }
}

interface SdkResponse {
  readonly statusCode: number;
  readonly headers: Record<string, string>;
  readonly body: Uint8Array;
}

/** The options of one command, as the SDK hands them on to its transport. */
export interface SendOptions {
  readonly abortSignal?: AbortSignal;
  readonly requestTimeout?: number;
}

function callOf({ abortSignal, requestTimeout }: SendOptions): Call {
  return {
    requestId: '',
    ...(abortSignal === undefined ? {} : { signal: abortSignal }),
    ...(requestTimeout === undefined ? {} : { deadlineMs: requestTimeout }),
  };
}

function bodyOf(body: unknown): { body?: Uint8Array } {
  if (body instanceof Uint8Array) return { body };
  return typeof body === 'string' ? { body: Buffer.from(body) } : {};
}

/** As the SDK signed it: names without a value keep their `=`. */
function queryOnTheLine(query: Readonly<Record<string, string | readonly string[] | null>>): string {
  return Object.entries(query)
    .flatMap(([name, value]) => {
      const values: readonly string[] = value === null ? [''] : typeof value === 'string' ? [value] : value;
      return values.map((one) => `${percentEncode(name)}=${percentEncode(one)}`);
    })
    .sort()
    .join('&');
}
