import { z } from 'zod';
import type { InputViolation } from './errors.js';

/** So many names are listed: more help nobody. */
const MOST_LISTED = 30;
const MOST_TOLD = 10;

/** What a client sent, as the schema has it, or each place where it is wrong. */
export type ReadInput<T> = { readonly data: T } | { readonly violations: readonly InputViolation[] };

/** Reads what a client sent by a schema. A violation names the place and what was expected there, of an unknown field (a violation each, the first ten) the fields there are; it quotes no value. */
export function readInput<S extends z.ZodType>(schema: S, input: unknown): ReadInput<z.output<S>> {
  const parsed = schema.safeParse(input, { error: expectedFields });
  return parsed.success ? { data: parsed.data } : { violations: violationsOf(parsed.error) };
}

function violationsOf({ issues }: z.ZodError): InputViolation[] {
  return issues.flatMap((issue) => {
    const path = issue.path.map(String);
    if (issue.code !== 'unrecognized_keys') return [{ path: path.join('.'), message: issue.message }];
    return issue.keys.slice(0, MOST_TOLD).map((key) => ({ path: [...path, key].join('.'), message: issue.message }));
  });
}

/** For `safeParse`: a schema's own words go before these. */
const expectedFields: z.core.$ZodErrorMap = (issue) => {
  if (issue.code !== 'unrecognized_keys' || !(issue.inst instanceof z.ZodObject)) return undefined;
  const fields = Object.keys(issue.inst.shape);
  if (fields.length === 0) return 'unknown field; expected none here';
  const more = fields.length > MOST_LISTED ? `, and ${String(fields.length - MOST_LISTED)} more` : '';
  return `unknown field; expected one of ${fields.slice(0, MOST_LISTED).join(', ')}${more}`;
};
