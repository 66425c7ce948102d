import { isIP } from 'node:net';
import { EVENT_TYPES, type EventType } from '#libs/metadata';
import { isPrivateAddress } from '#libs/webhooks';
import { invalid, type InputViolation } from '../errors.js';
import type { WebhookInput } from './event-service.js';

export interface CheckedWebhook {
  readonly url: string;
  readonly events: readonly EventType[];
  readonly bucket?: string;
  readonly prefix?: string;
  readonly insecure: boolean;
}

const LONGEST_URL = 2_048;

/** A webhook as a client sent it; `invalid-webhook` with everything that is wrong in it. No value is quoted: an address may hold a secret. */
export function checkedWebhook(input: WebhookInput, allowPrivate: boolean): CheckedWebhook {
  const violations: InputViolation[] = [];
  const wrong = (path: string, message: string): void => void violations.push({ path, message });
  const { events = [], bucket, prefix, insecure = false } = input;
  if (typeof insecure !== 'boolean') wrong('insecure', 'expected true or false');
  const url = checkedUrl(input.url, { insecure: insecure === true, allowPrivate }, wrong);
  const known = Array.isArray(events) ? EVENT_TYPES.filter((type) => events.includes(type)) : [];
  if (!Array.isArray(events) || known.length !== new Set(events).size)
    wrong('events', `expected a list of ${EVENT_TYPES.join(', ')}; empty or absent: all`);
  for (const [path, value] of [
    ['bucket', bucket],
    ['prefix', prefix],
  ] as const)
    if (
      value !== undefined &&
      (typeof value !== 'string' || value === '' || value.length > 1024 || value.includes('\0'))
    )
      wrong(path, 'expected a text of 1 to 1,024 characters, or none');
  if (violations.length > 0) throw invalid('invalid-webhook', 'the webhook is not right', violations);
  return {
    ...{ url, events: known, insecure: insecure === true },
    ...(typeof bucket === 'string' ? { bucket } : {}),
    ...(typeof prefix === 'string' ? { prefix } : {}),
  };
}

function checkedUrl(
  given: unknown,
  { insecure, allowPrivate }: { insecure: boolean; allowPrivate: boolean },
  wrong: (path: string, message: string) => void,
): string {
  if (typeof given !== 'string' || given.length > LONGEST_URL || !URL.canParse(given)) {
    wrong('url', 'expected an address as https://example.com/hook');
    return '';
  }
  const url = new URL(given);
  if (url.protocol !== 'https:' && !(insecure && url.protocol === 'http:'))
    wrong('url', 'expected https; plain http needs "insecure": true');
  if (url.username !== '' || url.password !== '') wrong('url', 'expected no user name or password in it');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const isPrivate = isIP(host) === 0 ? /(^|\.)localhost\.?$/i.test(host) : isPrivateAddress(host);
  if (isPrivate && !allowPrivate)
    wrong('url', 'expected an address of the internet; SPUMONI_WEBHOOK_PRIVATE=true allows those of private networks');
  return url.href;
}
