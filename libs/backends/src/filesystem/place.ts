import type { FilesystemConfig } from './config.js';
import { DirectorySync } from './directory-sync.js';
import { Layout } from './layout.js';
import { PastCache } from './past-cache.js';
import { PlainDirectories } from './plain/plain-directories.js';
import { PlainKinds } from './plain/plain-kinds.js';
import type { ProcessIdentity } from './process-identity.js';
import { Root } from './root.js';
import { SessionFiles } from './session-files.js';
import { Sessions, SYSTEM_CLOCK } from './sessions.js';
import type { SessionClock } from './sessions.js';
import { Slices } from './slices.js';
import { WarmFiles } from './warm-files.js';

/** What tests put in the place of the system. */
export interface FilesystemTools {
  readonly clock?: SessionClock;
  /** Default 10 minutes. */
  readonly rotateMs?: number;
  readonly identity?: () => Promise<ProcessIdentity>;
}

/** What every part of one filesystem backend works with. */
export interface Place {
  readonly name: string;
  readonly layout: Layout;
  readonly root: Root;
  readonly directories: DirectorySync;
  readonly slices: Slices;
  readonly warm: WarmFiles;
  readonly pastCache: PastCache;
  readonly sessionFiles: SessionFiles;
  readonly sessions: Sessions;
  readonly plain: PlainKinds;
  readonly plainDirectories: PlainDirectories;
}

export function makePlace(config: FilesystemConfig, tools: FilesystemTools = {}): Place {
  const { name, foreignGraceMs } = config;
  const { clock = SYSTEM_CLOCK, rotateMs = 10 * 60_000, identity } = tools;
  const now = (): number => clock.now();
  const layout = new Layout(name, config.root);
  const directories = new DirectorySync();
  const root = new Root(name, layout, directories, config.existing);
  const of = identity === undefined ? {} : { identity };
  const sessionFiles = new SessionFiles({ layout, root, directories, now, foreignGraceMs, ...of });
  const sessions = new Sessions(sessionFiles, clock, rotateMs);
  const slices = new Slices(layout, directories, now);
  const warm = new WarmFiles(config.root, now);
  const pastCache = new PastCache(config.root, now);
  const plain = new PlainKinds(layout);
  const plainDirectories = new PlainDirectories(directories);
  const files = { directories, slices, warm, pastCache, sessionFiles, sessions };
  return { name, layout, root, ...files, plain, plainDirectories };
}
