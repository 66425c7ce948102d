import { createHmac } from 'node:crypto';
import { request as requestHttp, type RequestOptions } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP } from 'node:net';
import type { DeliveryRecord } from '#libs/metadata';
import type { Secret } from '#libs/secrets';
import { isPrivateAddress, publicLookup, refusePrivate } from './address-guard.js';

/** From the first packet to the head of the answer. */
const TIMEOUT_MS = 10_000;

/** Where and how to deliver. */
export interface Target {
  readonly url: string;
  readonly secret: Secret;
  /** Private networks may be reached, by the settings. */
  readonly allowPrivate: boolean;
  /** Seconds since the epoch. */
  readonly now: number;
  /** W3C Trace Context: what the receiver's work is a part of. */
  readonly traceparent?: string | undefined;
}

/** The bytes that are signed and sent. */
export function bodyOf({ event }: DeliveryRecord): string {
  const { id, type, at, bucket, key, data } = event;
  return JSON.stringify({ id, type, time: new Date(at).toISOString(), bucket, key, data });
}

/** `t=<seconds>,v1=<hex of HMAC-SHA256 over "<seconds>.<body>">`: the time is signed, so that an old delivery cannot be played again. */
export function signatureOf(secret: Secret, seconds: number, body: string): string {
  const mac = createHmac('sha256', secret.revealBytes()).update(`${seconds}.${body}`, 'utf8').digest('hex');
  return `t=${seconds},v1=${mac}`;
}

/** Posts an event. Resolves when it was taken (2xx); rejects with why not. Redirects are not followed: they would lead past the guard. */
export function postEvent(delivery: DeliveryRecord, target: Target, signal: AbortSignal): Promise<void> {
  const url = new URL(target.url);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (!target.allowPrivate && isIP(host) !== 0 && isPrivateAddress(host))
    return Promise.reject(refusePrivate(host, host));
  const body = bodyOf(delivery);
  const options: RequestOptions = {
    method: 'POST',
    signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    agent: false,
    headers: {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(body),
      'User-Agent': 'Spumoni-Webhook/1',
      'X-Spumoni-Event': delivery.event.type,
      'X-Spumoni-Delivery': delivery.id,
      'X-Spumoni-Signature': signatureOf(target.secret, target.now, body),
      ...(target.traceparent === undefined ? {} : { traceparent: target.traceparent }),
    },
    ...(target.allowPrivate ? {} : { lookup: publicLookup }),
  };
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? requestHttps : requestHttp;
    const request = send(url, options, (response) => {
      const status = response.statusCode ?? 0;
      // Nobody reads what it says: the connection goes with it.
      response.destroy();
      if (status >= 200 && status < 300) resolve();
      else reject(new Error(`it answered ${status}`));
    });
    request.on('error', (error) => reject(signal.aborted ? error : worded(error)));
    request.end(body);
  });
}

function worded(error: Error): Error {
  return error.name === 'TimeoutError' || error.name === 'AbortError'
    ? new Error(`no answer within ${TIMEOUT_MS / 1000} seconds`, { cause: error })
    : error;
}
