import { expect } from '@jest/globals';
import fc from 'fast-check';
import type { RawAnswer, RawClient, RawRequest } from './raw-client.js';
import type { ServiceModel } from './service-model.js';

/** A registered backend that buckets of the model may be at home on. */
export interface Home {
  readonly name: string;
  readonly type: string;
  /** What its vendor calls its classes, the default first. */
  readonly classes: readonly [string, ...string[]];
  /** Its tags are of ASCII. */
  readonly asciiTags?: true;
}

/** The running service, as one run of the model sees it. */
export interface Service {
  readonly client: RawClient;
  readonly homes: readonly [Home, ...Home[]];
  /** The real name of the bucket in a slot, another in each run. */
  readonly nameOf: (slot: number) => string;
  /** How often each operation was answered how: a suite that only meets refusals shows nothing. */
  readonly tally: Map<string, number>;
}

export type Step = fc.AsyncCommand<ServiceModel, Service>;
export type Run<P> = (model: ServiceModel, service: Service, parameters: P) => Promise<void>;

/** A command of the model, which is told by its name and parameters where it fails. */
export function step<P>(name: string, parameters: fc.Arbitrary<P>, run: Run<P>): fc.Arbitrary<Step> {
  return parameters.map((chosen) => ({
    check: () => true,
    run: (model: ServiceModel, service: Service) => run(model, service, chosen),
    toString: () => `${name} ${JSON.stringify(chosen)}`,
  }));
}

/** What the model expects of an answer: a refusal by its code, or a status that is looked at further by the caller. */
export type Expected = { readonly status: number; readonly code?: string };

export const REFUSED = {
  noSuchBucket: { status: 404, code: 'no-such-bucket' },
  noSuchKey: { status: 404, code: 'no-such-key' },
  precondition: { status: 412, code: 'precondition-failed' },
  notModified: { status: 304, code: 'not-modified' },
  invalidKey: { status: 400, code: 'invalid-key' },
  invalidRequest: { status: 400, code: 'invalid-request' },
  invalidRange: { status: 416, code: 'invalid-range' },
  badDigest: { status: 400, code: 'bad-digest' },
  invalidTags: { status: 400, code: 'invalid-tags' },
  invalidClass: { status: 400, code: 'invalid-storage-class' },
  bucketExists: { status: 409, code: 'bucket-exists' },
  bucketNotEmpty: { status: 409, code: 'bucket-not-empty' },
} as const satisfies Record<string, Expected>;

export const OK: Expected = { status: 200 };

/** Sends a request and holds its answer to what is expected; a refusal must be a whole problem document, save where answers have no body. */
export async function ask(service: Service, request: RawRequest, expected: Expected): Promise<RawAnswer> {
  const answer = await service.client.send(request);
  const outcome = `${request.method} ${expected.code ?? expected.status}`;
  service.tally.set(outcome, (service.tally.get(outcome) ?? 0) + 1);
  const isBare = request.method === 'HEAD' || answer.status === 304;
  const told = answer.status < 300 ? 'accepted' : isBare ? 'refused' : answer.bytes.toString('utf8');
  const code = answer.status < 300 ? undefined : isBare ? answer.headers['x-spumoni-code'] : codeOf(told);
  const wanted = answer.status === 304 ? undefined : expected.code;
  expect({ asked: request.method + ' ' + request.path, told, status: answer.status, code }).toEqual({
    asked: request.method + ' ' + request.path,
    told,
    status: expected.status,
    code: wanted,
  });
  return answer;
}

function codeOf(problem: string): unknown {
  return (JSON.parse(problem) as { code?: unknown }).code;
}

/** An object's path: keys percent-encoded, `/` kept. */
export function pathOf(service: Service, slot: number, key: string, query = ''): string {
  return `/v1/${service.nameOf(slot)}/${key.split('/').map(encodeURIComponent).join('/')}${query}`;
}
