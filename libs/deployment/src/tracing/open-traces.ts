import type { Settings } from '#libs/settings';
import { openTracing, type Tracing } from '#libs/tracing';
import type { Logger } from '../deployment.js';

/** Opens what the settings ask for; undefined, with nothing loaded, where they ask for no traces. `service` is `api` or `worker`. The logger may come later: it is asked for when there is trouble. */
export async function openTraces(
  { traces }: Settings,
  service: 'api' | 'worker',
  logger: () => Logger,
): Promise<Tracing | undefined> {
  if (traces === undefined) return undefined;
  const { endpoint, headers, ratio, showsKeys } = traces;
  const onTrouble = (error: Error): void => logger().warn({ error }, 'traces are lost');
  return openTracing({
    endpoint,
    headers: headersOf(headers?.reveal()),
    ratio,
    showsKeys,
    service: `spumoni-${service}`,
    onTrouble,
  });
}

function headersOf(text: string | undefined): Record<string, string> {
  if (text === undefined) return {};
  return Object.fromEntries(
    text.split(',').map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  );
}
