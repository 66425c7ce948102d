import type { FilesystemConfig } from './config.js';
import { DirectorySync } from './directory-sync.js';
import { idSource } from './ids.js';
import type { NewId } from './ids.js';
import { Layout } from './layout.js';
import { Root } from './root.js';

/** What every part of one filesystem backend works with. */
export interface Place {
  readonly config: FilesystemConfig;
  readonly name: string;
  readonly layout: Layout;
  readonly root: Root;
  readonly directories: DirectorySync;
  readonly newId: NewId;
  /** Ids that this process is writing now. */
  readonly active: Set<string>;
  /** Fan-out directories whose own entry this process knows to be durable. */
  readonly durableFans: Set<string>;
}

export function makePlace(config: FilesystemConfig): Place {
  const { name } = config;
  const layout = new Layout(name, config.root);
  const directories = new DirectorySync();
  const root = new Root(name, layout, directories);
  const newId = idSource();
  return { config, name, layout, root, directories, newId, active: new Set(), durableFans: new Set() };
}
