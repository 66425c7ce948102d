import type { BackendRecord } from './records.js';

/** The directories of all filesystem backends, by backend id, as whoever wants another one has compared it with them. */
export type SeenDirectories = Readonly<Record<string, string>>;

/** The directories of these backends. */
export function directoriesOf(backends: readonly Pick<BackendRecord, 'id' | 'type' | 'options'>[]): SeenDirectories {
  return Object.fromEntries(
    backends.flatMap(({ id, type, options: { path } }) =>
      type === 'filesystem' && typeof path === 'string' ? [[id, path] as const] : [],
    ),
  );
}
