import type { Expected } from './tour-page.js';

/** What is new in every run, and the word that stands for it in a comparison. Content ETags stay: they are the MD5 of what the page itself uploads. */
const CHANGING: readonly (readonly [RegExp, string])[] = [
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, '<id>'],
  [/\b\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z/g, '<time>'],
  [/\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT/g, '<time>'],
  [/\b(127\.0\.0\.1|localhost):\d+/g, '<address>'],
  // The eight hex digits after a container's name, where the name itself was not to be had.
  [/-[0-9a-f]{8}(?=["\s])/g, '-<digits>'],
];

function steady(text: string): string {
  return CHANGING.reduce((all, [pattern, word]) => all.replace(pattern, word), text);
}

const ANYTHING = '…';

/** A text in which `…` stands for anything. */
function matches(expected: string, actual: string): boolean {
  const parts = steady(expected)
    .split(ANYTHING)
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 's').test(steady(actual));
}

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** Where two documents part, as `at.path: expected …, not …`; undefined if nowhere. `"…"` stands for any value, and as a name or last item for all the rest. */
function jsonDifference(expected: Json, actual: Json | undefined, path: string): string | undefined {
  const differ = `${path || 'the answer'}: expected ${JSON.stringify(expected)}, not ${JSON.stringify(actual)}`;
  if (expected === ANYTHING) return undefined;
  if (typeof expected === 'string') return typeof actual === 'string' && matches(expected, actual) ? undefined : differ;
  if (expected === null || typeof expected !== 'object') return expected === actual ? undefined : differ;
  if (actual === null || typeof actual !== 'object' || Array.isArray(expected) !== Array.isArray(actual)) return differ;
  const given = new Map(Object.entries(actual));
  const wanted = new Map(Object.entries(expected));
  const isOpen = Array.isArray(expected) ? expected.at(-1) === ANYTHING : wanted.delete(ANYTHING);
  if (Array.isArray(expected) && isOpen) wanted.delete(String(expected.length - 1));
  for (const [name, value] of wanted) {
    const found = jsonDifference(value, given.get(name), path === '' ? name : `${path}.${name}`);
    if (found !== undefined) return found;
  }
  const more = [...given.keys()].filter((name) => !wanted.has(name));
  return isOpen || more.length === 0 ? undefined : `${path || 'the answer'}: not expected: ${more.join(', ')}`;
}

function parsed(text: string, what: string): { json: Json } | { problem: string } {
  try {
    return { json: JSON.parse(text) as Json };
  } catch (error) {
    return { problem: `${what} is not JSON: ${String(error)}\n${text.slice(0, 1000)}` };
  }
}

/** How the output of a command differs from what the page shows; undefined where it agrees. Several blocks: the output is all of them, one line or document each. */
export function difference(expected: readonly Expected[], output: string): string | undefined {
  const [first, ...more] = expected;
  if (!first) return undefined;
  if (more.length > 0) {
    const [line = '', ...rest] = output.split('\n');
    return difference([first], line) ?? difference(more, rest.join('\n'));
  }
  if (first.language === 'json') {
    const page = parsed(first.text, 'the block of the page');
    const answer = parsed(output, 'the answer');
    if ('problem' in page) return page.problem;
    return 'problem' in answer ? answer.problem : jsonDifference(page.json, answer.json, '');
  }
  const actual = output.replaceAll('\r', '').trimEnd();
  return matches(first.text.trimEnd(), actual) ? undefined : `expected:\n${first.text}\nnot:\n${actual}`;
}
