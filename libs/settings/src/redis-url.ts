const EXPECTED = 'expected redis://user:password@host:port/database, or rediss:// for TLS';

/** Why a text is no URL of a Redis, or undefined if it is one. Never quotes the text, which may hold a password. */
export function objectionToRedisUrl(text: string): string | undefined {
  if (!URL.canParse(text)) return `not a Redis URL: ${EXPECTED}`;
  const { protocol, hostname, pathname, search, hash } = new URL(text);
  if (protocol !== 'redis:' && protocol !== 'rediss:') return `not a Redis URL: ${EXPECTED}`;
  if (hostname === '') return `the Redis URL lacks a host: ${EXPECTED}`;
  if (!/^(\/\d{0,3})?$/.test(pathname)) return `the database of the Redis URL is no number: ${EXPECTED}`;
  if (search !== '' || hash !== '') return 'the Redis URL has parameters, which are not supported';
  return undefined;
}
