import type * as sdk from '@aws-sdk/client-s3';
import type { Call } from '../object-backend.js';
import { isBackendError } from '../errors.js';
import { answerFailure, garbage, isForeign } from './errors.js';
import type { S3Requests } from './requests.js';
import { saysEnded } from './credentials.js';
import type { SdkRequest, SdkResponse, SendOptions } from './sdk-transport.js';
import { isWholeXml } from './xml.js';

type Sdk = typeof sdk;

interface SdkKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
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
    const options = {
      ...(call.signal === undefined ? {} : { abortSignal: call.signal }),
      ...(call.deadlineMs === undefined ? {} : { requestTimeout: call.deadlineMs }),
    };
    const { credentials } = this.#s3;
    if (!credentials.renewable) return await command(sdk, client, options);
    const { accessKey } = await credentials.get(call);
    try {
      return await command(sdk, client, options);
    } catch (error) {
      const ended = isBackendError(error, 'denied') && saysEnded(error.vendorCode) && credentials.refused(accessKey);
      if (!ended) throw error;
      return await command(sdk, client, options);
    }
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

  /** The SDK keeps keys until five minutes before they end. These it asks for each time: what is kept, and when it is renewed, is said elsewhere. */
  async #keys(): Promise<SdkKeys> {
    const { accessKey, secretKey, sessionToken } = await this.#s3.credentials.get({ requestId: '' });
    return {
      accessKeyId: accessKey,
      secretAccessKey: secretKey.reveal(),
      ...(sessionToken === undefined ? {} : { sessionToken: sessionToken.reveal() }),
      ...(this.#s3.credentials.renewable ? { expiration: new Date(Date.now() + 60_000) } : {}),
    };
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
      credentials: () => this.#keys(),
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
    const answer = await this.#s3.transport.send(request, options);
    const body = await answer.body.collect(CONTROL_ANSWER_BYTES);
    const text = request.method === 'HEAD' ? undefined : Buffer.from(body).toString();
    if (answer.status >= 300)
      throw answerFailure({ backend: config.name, action, status: answer.status, headers: answer.headers, text });
    if (text ? !isWholeXml(text) : isForeign(answer.headers)) throw garbage(config.name, action);
    return { statusCode: answer.status, headers: answer.headers, body };
  }
}
