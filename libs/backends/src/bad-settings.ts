import type { z } from 'zod';
import { BackendError } from './errors.js';

/** What is wrong with one setting, and where; an unknown one is named, no value is quoted. */
export function describeIssue(issue: z.core.$ZodIssue): string {
  const at = issue.path.map(String);
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => `${[...at, key].join('.')}: unknown`).join('; ');
  return `${at.join('.')}: ${issue.message}`;
}

/** Of a definition that no call could be made with: `invalid`, with all that is wrong. */
export function refuseSettings(backend: string, problems: readonly string[]): BackendError {
  return new BackendError('invalid', `backend ${backend} has bad settings: ${problems.join('; ')}`, { backend });
}
