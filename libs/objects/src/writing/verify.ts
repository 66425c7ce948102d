import { BackendError, type WriteResult } from '#libs/backends';
import { storedOf, type Content } from '../mutation/mutation.js';
import { discardBytes } from '../mutation/standing.js';
import type { Target } from '../target.js';

/**
 * Compares what the vendor says it stored with what was sent. A difference means damage on the way: the bytes are removed again, by token, and the write fails with `integrity`.
 * Where a write replaced what stood there, the damaged bytes have taken its place: the failure is then `unknown`, and the record heals from what stands.
 */
export async function verifiedAgainst(
  target: Target,
  result: WriteResult,
  content: Content | undefined,
): Promise<WriteResult> {
  const sent = content && storedOf(content);
  const isWrong = result.md5 !== undefined && sent?.md5 !== undefined && result.md5 !== sent.md5;
  if (sent && result.size === sent.size && !isWrong) return result;
  const said = sent
    ? `${result.size} bytes, MD5 ${result.md5 ?? 'not told'}, but ${sent.size} bytes, MD5 ${sent.md5 ?? 'not computed'} were sent`
    : 'a write whose body had not ended';
  await discardBytes(
    target.backend,
    { requestId: 'verify' },
    { container: target.container, key: target.backendKey, token: result.token },
  );
  throw new BackendError(target.coexist ? 'integrity' : 'unknown', `backend ${target.backend.name} stored ${said}`, {
    backend: target.backend.name,
  });
}
