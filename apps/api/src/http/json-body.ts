import { readInput } from '#libs/deployment';
import type { z } from 'zod';
import { continueBody, SILENCE_MS, type Exchange } from './exchange.js';
import { findJsonFault } from './json-fault.js';
import { RequestError } from './request-error.js';

/** How deep arrays and objects may lie in each other. */
const DEEPEST = 32;

/** What a body may be: larger than `limit` bytes is `body-too-large`. */
export interface JsonLimits {
  readonly limit: number;
}

/** Reads a JSON body whole. `invalid-json` says where the text stops being JSON, without quoting it; an empty body is undefined. */
export async function readJson(exchange: Exchange, { limit }: JsonLimits): Promise<unknown> {
  const text = decode(await readBytes(exchange, limit));
  if (text === '') return undefined;
  refuseDepth(text);
  const value = parse(text);
  if (HALF_A_PAIR.test(text)) refuseHalves(value);
  return value;
}

/** An escape of a surrogate; in a pair it is a character, alone it is none (RFC 7493 section 2.1), and no store can hold it. */
const HALF_A_PAIR = /\\u[dD][89a-fA-F]/;

function refuseHalves(value: unknown): void {
  if (typeof value === 'string') {
    if (!value.isWellFormed())
      throw new RequestError(
        'invalid-json',
        'a text in the body holds half of a surrogate pair, which is no character',
      );
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, member] of Object.entries(value)) {
      refuseHalves(name);
      refuseHalves(member);
    }
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // The parser's own message quotes the text, which may hold credentials.
    const fault = findJsonFault(text);
    const where = fault ? ` at line ${fault.line}, column ${fault.column}: expected ${fault.expected}` : '';
    throw new RequestError('invalid-json', `the body is not JSON${where}`, fault ? { facts: { ...fault } } : {});
  }
}

async function readBytes(exchange: Exchange, limit: number): Promise<Buffer> {
  const { request } = exchange;
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > limit) throw tooLarge(limit);
  continueBody(exchange);
  const chunks: Uint8Array[] = [];
  let size = 0;
  request.socket.setTimeout(SILENCE_MS);
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
      size += chunk.byteLength;
      if (size > limit) throw tooLarge(limit);
      chunks.push(chunk);
    }
  } catch (error) {
    if (request.complete || error instanceof RequestError) throw error;
    throw new RequestError('malformed-request', `the client went away after ${size} bytes of the body`, {
      cause: error,
    });
  } finally {
    request.socket.setTimeout(0);
  }
  return Buffer.concat(chunks);
}

function tooLarge(limit: number): RequestError {
  return new RequestError('body-too-large', `the body is larger than the ${limit} bytes that are taken here`, {
    facts: { limit },
  });
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new RequestError('invalid-json', 'the body is not UTF-8', { cause: error });
  }
}

/** Counts brackets outside strings; text that is no JSON is left to the parser. */
function refuseDepth(text: string): void {
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const sign = text[at];
    if (quoted) {
      if (sign === '\\') at += 1;
      else if (sign === '"') quoted = false;
    } else if (sign === '"') quoted = true;
    else if (sign === '{' || sign === '[') depth += 1;
    else if (sign === '}' || sign === ']') depth -= 1;
    if (depth > DEEPEST)
      throw new RequestError('invalid-json', `the body nests arrays and objects more than ${DEEPEST} deep`);
  }
}

/** The value as the schema has it. `invalid-request`, with each wrong path and what was expected there. */
export function parseWith<S extends z.ZodType>(schema: S, value: unknown, what: string): z.output<S> {
  const read = readInput(schema, value);
  if ('data' in read) return read.data;
  const { violations } = read;
  const told = violations.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; ');
  throw new RequestError('invalid-request', `${what}: ${told}`, { facts: { violations } });
}
