/**
 * Lets a script import the project's TypeScript as it stands, without a build: compiled one file at a time by the tests' own `.swcrc`, with `#libs/…`
 * read from source. Import this first, then the sources with `await import(…)`.
 */
import { existsSync, readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { transformSync } from '@swc/core';
import { root } from './node-24.mjs';

/** A `.js` beside a source is that source: TypeScript's own convention for ESM. */
function sourceOf(specifier, parent) {
  const url = new URL(specifier.replace(/\.js$/, '.ts'), parent);
  return existsSync(url) ? url.href : undefined;
}

registerHooks({
  resolve(specifier, context, next) {
    const [, lib] = /^#libs\/([\w-]+)$/.exec(specifier) ?? [];
    if (lib !== undefined) return next(pathToFileURL(join(root, 'libs', lib, 'src', 'index.ts')).href, context);
    const relative = specifier.startsWith('.') && context.parentURL?.endsWith('.ts') === true;
    return next((relative ? sourceOf(specifier, context.parentURL) : undefined) ?? specifier, context);
  },
  load(url, context, next) {
    if (!url.endsWith('.ts')) return next(url, context);
    const filename = fileURLToPath(url);
    const { code } = transformSync(readFileSync(filename, 'utf8'), { filename });
    return { format: 'module', source: code, shortCircuit: true };
  },
});
