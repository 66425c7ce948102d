import { X509Certificate } from 'node:crypto';
import { vendorOf } from '#libs/naming';
import { quirksOf } from './aws/profiles.js';
import { azureEndpoint } from './azure/endpoint.js';
import type { BackendDefinition } from './definition.js';
import { GOOGLE_ENDPOINT } from './gcs/endpoint.js';

/** What of a definition says where its credentials are sent, beside what the credentials themselves name. */
export type Destination = Pick<BackendDefinition, 'type' | 'profile' | 'endpoint' | 'region' | 'options'> & {
  /** Azure's own endpoint has it in its name. */
  readonly accountName?: string | undefined;
};

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * The settings by which `after` sends credentials elsewhere than `before`: to another endpoint (its own, or the vendor's of another region), another proxy or another issuer of tokens, or to whomever
 * a further authority vouches for. Places are compared as they are reached: a default that is written out, a host in capitals and a final slash are no change, nor is an authority less.
 * Sends nothing and never fails: what is malformed is compared as it is written.
 */
export function movedDestinations(before: Destination, after: Destination): string[] {
  const moved = new Set<string>();
  const ownPlace = before.endpoint === after.endpoint ? 'region' : 'endpoint';
  if (endpointOf(before) !== endpointOf(after)) moved.add(ownPlace);
  const sts = [before, after].map(({ options }) => canonical(options['stsEndpoint']));
  if (stsOf(before) !== stsOf(after)) moved.add(sts[0] === sts[1] ? ownPlace : 'options.stsEndpoint');
  for (const option of ['proxy', 'authorityHost'])
    if (canonical(before.options[option]) !== canonical(after.options[option])) moved.add(`options.${option}`);
  const trusted = authoritiesOf(before);
  if (![...authoritiesOf(after)].every((one) => trusted.has(one))) moved.add('options.ca');
  return [...moved];
}

function endpointOf(of: Destination): string | undefined {
  return canonical(of.endpoint ?? publicEndpoint(of));
}

/** Where the vendor itself is, as the adapters know it. */
function publicEndpoint(of: Destination): string | undefined {
  if (of.type === 'azure') return azureEndpoint(of.accountName ?? '');
  if (of.type === 'gcs') return GOOGLE_ENDPOINT;
  const region = regionOf(of);
  return region === undefined ? undefined : quirksOf(vendorOf(of.type, of.profile))?.endpoint?.(region);
}

function regionOf({ type, profile, region }: Destination): string | undefined {
  return region ?? quirksOf(vendorOf(type, profile))?.defaultRegion;
}

/** Where roles are assumed: at AWS its own STS of the region, else where the objects are. */
function stsOf(of: Destination): string | undefined {
  const given = of.options['stsEndpoint'];
  if (given !== undefined) return canonical(given);
  return of.type === 'aws' ? `AWS STS of ${regionOf(of) ?? ''}` : endpointOf(of);
}

function canonical(url: string | number | boolean | undefined): string | undefined {
  if (typeof url !== 'string' || !URL.canParse(url)) return url?.toString();
  const { protocol, host, pathname, search, hash, username, password } = new URL(url);
  return [protocol, host, pathname.replace(/\/$/, ''), search, hash, username, password].join(' ');
}

/** Each by its fingerprint. What is no plain certificate ("TRUSTED CERTIFICATE", which OpenSSL takes as well) makes the whole text an authority of its own. */
function authoritiesOf({ options: { ca } }: Destination): Set<string> {
  if (typeof ca !== 'string') return new Set();
  if (ca.replaceAll(CERTIFICATE, '').includes('-----')) return new Set([ca]);
  try {
    const certificates = ca.match(CERTIFICATE) ?? [];
    return new Set(certificates.map((pem) => new X509Certificate(pem).fingerprint256));
  } catch {
    // The adapter refuses it with a reason.
    return new Set([ca]);
  }
}
