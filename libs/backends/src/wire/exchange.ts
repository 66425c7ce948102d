import type { Dispatcher } from 'undici';
import type { Call } from '../object-backend.js';
import type { ExactBody } from './exact-body.js';
import { abortFailure, silenceFailure, wireFailure } from './failures.js';
import { WireBody } from './wire-body.js';
import type { Transfer } from './wire-body.js';

export interface WireAnswer {
  readonly status: number;
  /** Names in lower case; a header that came more than once is joined by `, ` (RFC 9110 section 5.3). */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: WireBody;
}

export interface ExchangeOptions {
  readonly backend: string;
  readonly call: Call;
  readonly silenceMs: number;
  readonly upload: ExactBody | undefined;
}

/** A request and its answer, as undici's handler. It settles `answer` once; later failures reach the body's reader. */
export class Exchange implements Dispatcher.DispatchHandler, Transfer {
  readonly backend: string;
  readonly answer: Promise<WireAnswer>;
  readonly #options: ExchangeOptions;
  readonly #body = new WireBody(this);
  readonly #silence: NodeJS.Timeout;
  readonly #onAbort = (): void => this.#fail(abortFailure(this.backend, this.#options.call.signal?.reason));
  #controller: Dispatcher.DispatchController | undefined;
  #resolve: (answer: WireAnswer) => void = () => undefined;
  #reject: (error: Error) => void = () => undefined;
  #finished = false;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.backend = options.backend;
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#silence = setTimeout(() => this.#onSilence(), options.silenceMs);
    options.call.signal?.addEventListener('abort', this.#onAbort);
    if (options.call.signal?.aborted) this.#onAbort();
  }

  /** True once nothing more can come of it: a request that has not been dispatched need not be. */
  get finished(): boolean {
    return this.#finished;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Thrown, not aborted: that would end the connection along with a request that has not touched it.
    if (this.#finished) throw new Error('the call ended while it waited for a connection');
    this.#controller = controller;
  }

  onBodySent(): void {
    this.#silence.refresh();
  }

  onResponseStart(
    _: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    this.#silence.refresh();
    if (status < 200 || this.#finished) return;
    this.#resolve({ status, headers: flatten(headers), body: this.#body });
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Uint8Array): void {
    this.#silence.refresh();
    this.#body.push(chunk);
  }

  onResponseEnd(): void {
    this.#finish();
    this.#body.end();
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#fail(wireFailure(this.backend, this.#options.upload?.failure ?? error));
  }

  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    this.#silence.refresh();
    this.#controller?.resume();
  }

  cancel(): void {
    this.#finish();
    this.#body.end();
    this.#controller?.abort(new Error('the rest of the answer is not wanted'));
  }

  #fail(error: Error): void {
    if (this.#finished) return;
    this.#finish();
    this.#reject(error);
    this.#body.fail(error);
    this.#controller?.abort(error);
  }

  #finish(): void {
    this.#finished = true;
    clearTimeout(this.#silence);
    this.#options.upload?.stop();
    this.#options.call.signal?.removeEventListener('abort', this.#onAbort);
  }

  /** Only the vendor's silence counts: while our own reader or source is the slow one, the clock starts again. */
  #onSilence(): void {
    if (this.#finished) return;
    if (this.#body.waitingForReader || this.#options.upload?.waitingForSource) this.#silence.refresh();
    else this.#fail(silenceFailure(this.backend, this.#options.silenceMs));
  }
}

function flatten(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name.toLowerCase()] = typeof value === 'string' ? value : value.join(', ');
  }
  return flat;
}
