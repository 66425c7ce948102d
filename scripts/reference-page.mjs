/** Keeps a generated page of docs/ in step with the code: writes it, or with `--check` says whether it has drifted. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { root } from './node-24.mjs';

/** One Markdown table. A `|` within a cell is escaped. */
export function table(head, rows) {
  const line = (cells) => `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Writes the page, formatted as the rest of the tree is; or with `--check` exits with 1 if what stands there differs. */
export async function keepPage(path, markdown) {
  const file = join(root, path);
  const text = await format(markdown, { ...(await resolveConfig(file)), parser: 'markdown' });
  if (existsSync(file) && readFileSync(file, 'utf8') === text) return;
  if (process.argv.includes('--check')) {
    const script = relative(root, process.argv[1]);
    console.error(`${path} does not match the code. Run: npx node ${script}`);
    process.exitCode = 1;
    return;
  }
  writeFileSync(file, text);
  console.log(`Wrote ${path}.`);
}
