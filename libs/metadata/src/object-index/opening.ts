import { IndexError } from './object-index.js';
import { INDEX_FORMAT } from './stored-form.js';

/** What an index is opened for: to serve requests, or to be copied out of or into whole. */
export type Purpose = 'serve' | 'archive';

/** What is said of an index that a later program wrote. `where` names it. */
export function newerFormat(where: string, format: number | undefined): IndexError {
  return new IndexError(
    'unavailable',
    `the index in ${where} is of format ${String(format)}, written by a newer Spumoni; this one knows format ${INDEX_FORMAT} and those before it: start that version or a later one`,
  );
}

/** What is said of an index that holds a part of a backup. */
export function unfinishedRestore(where: string): IndexError {
  return new IndexError(
    'unavailable',
    `the index in ${where} holds a part of a backup: a restore was begun and did not end; run it again (npm run restore)`,
  );
}
