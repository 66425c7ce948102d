import type { AuditDetails, AuditRequest, ConfigurationSnapshot } from '#libs/metadata';
import { basicCredentials } from '../http/basic-credentials.js';
import type { Exchange } from '../http/exchange.js';
import { OBJECT_OPERATIONS, type ObjectOperation } from '../objects/object-operations.js';
import { isObjectUrl } from '../objects/object-path.js';

const LONGEST_RESOURCE = 1_024;
const LONGEST_TEXT = 256;
const MOST_DETAILS = 24;
/** As `generateAccessKey` makes them; no secret has this form. */
const GENERATED_KEY = /^[A-Z0-9]{20}$/;
/** What stands for an access key that nobody has: people type secrets into the wrong field. */
const UNKNOWN_KEY = '(unknown)';
const ADDRESSES = /^[0-9A-Fa-f.:, [\]]{1,200}$/;

/** Members of a body or an answer that are names, and may be written down; texts under any other name may not. */
const NAMES = new Set([
  ...['id', 'name', 'bucket', 'user', 'userId', 'role', 'type', 'profile', 'backend', 'policy', 'tier', 'state'],
  ...['accessKey', 'wish', 'region', 'source', 'owner'],
]);
const SANE_NAME = /^[a-z][A-Za-z]{0,23}$/;

/** Who asks, what for and from where, as far as the exchange knows by now. Never a secret, whatever the client put where. */
export function requestFacts(
  exchange: Exchange,
  action: string,
  known: { readonly now: number; readonly snapshot: ConfigurationSnapshot | undefined },
): AuditRequest {
  const { request, requestId, userId } = exchange;
  const { remoteAddress } = request.socket;
  const actor = userId === undefined ? undefined : known.snapshot?.userById.get(userId)?.name;
  const accessKey = accessKeyOf(exchange, known.snapshot);
  const forwarded = request.headers['x-forwarded-for'];
  const forwardedFor = typeof forwarded === 'string' && ADDRESSES.test(forwarded) ? forwarded : undefined;
  return {
    at: known.now,
    action,
    resource: resourceOf(request.url),
    requestId,
    ...(userId === undefined ? {} : { actorId: userId }),
    ...(actor === undefined ? {} : { actor }),
    ...(accessKey === undefined ? {} : { accessKey }),
    ...(remoteAddress === undefined ? {} : { remoteAddress }),
    ...(forwardedFor === undefined ? {} : { forwardedFor }),
  };
}

/** The path alone: a query may hold a link. */
function resourceOf(url = ''): string {
  const question = url.indexOf('?');
  return (question === -1 ? url : url.slice(0, question)).slice(0, LONGEST_RESOURCE);
}

function accessKeyOf({ request, linkKey }: Exchange, snapshot: ConfigurationSnapshot | undefined): string | undefined {
  let given: string;
  try {
    given = linkKey ?? basicCredentials(request.headers).accessKey;
  } catch {
    // Refused for that very reason: there is no key to name.
    return undefined;
  }
  return snapshot?.keyById.has(given) === true || GENERATED_KEY.test(given) ? given : UNKNOWN_KEY;
}

/** What a request that was refused wanted to do: its operation's id if one is known by now. */
export function actionOf({ action, operation, request }: Exchange): string {
  if (action !== undefined) return action;
  const { method = '', url = '' } = request;
  if (operation !== 'unknown') return operation.startsWith('/') ? `${method} ${operation}` : operation;
  return (isObjectUrl(url) ? objectActionOf(method, url) : undefined) ?? method;
}

function objectActionOf(method: string, url: string): string | undefined {
  const question = url.indexOf('?');
  const names = question === -1 ? [] : url.slice(question + 1).split('&');
  const asks = (selector: string): boolean => names.some((name) => name.split('=', 1)[0] === selector);
  const operations: readonly ObjectOperation[] = OBJECT_OPERATIONS;
  return operations.find(
    (operation) => operation.method === method && (operation.selector === undefined || asks(operation.selector)),
  )?.id;
}

/**
 * What may be written down of a body, numbers and booleans, and of a body and its answer, texts under names that are known to hold names. By type and name, not by looking for what seems secret:
 * a member that nobody thought of stays out.
 */
export function detailsOf(body: unknown, answer?: unknown): AuditDetails {
  const plain = membersOf(body).filter(([, value]) => typeof value === 'number' || typeof value === 'boolean');
  const named = [...membersOf(body), ...membersOf(answer)].flatMap(([name, value]) =>
    typeof value === 'string' && NAMES.has(name) ? [[name, value.slice(0, LONGEST_TEXT).toWellFormed()]] : [],
  );
  return Object.fromEntries([...named, ...plain].slice(0, MOST_DETAILS)) as AuditDetails;
}

function membersOf(document: unknown): [string, unknown][] {
  if (typeof document !== 'object' || document === null || Array.isArray(document)) return [];
  return (Object.entries(document) as [string, unknown][]).filter(([name]) => SANE_NAME.test(name));
}
