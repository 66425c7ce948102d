import type { WriteCondition } from '../object-backend.js';
import type { WritableFields } from './attributes.js';
import { generationOf } from './generations.js';

/** Where an upload goes and what stands beside its bytes. */
export interface UploadTarget {
  readonly container: string;
  readonly key: string;
  readonly fields: WritableFields;
  readonly condition: ConditionQuery;
}

export interface ConditionQuery {
  readonly ifGenerationMatch?: string;
}

/** A condition as GCS's: generation 0 stands for "there is none". Unmet it answers 412. */
export function conditionOf(condition: WriteCondition | undefined, backend: string): ConditionQuery {
  if (condition === undefined) return {};
  return { ifGenerationMatch: 'ifAbsent' in condition ? '0' : generationOf(condition.ifToken, backend) };
}
