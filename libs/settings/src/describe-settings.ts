import { VARIABLES } from './schema.js';

/** One setting, for the configuration reference. */
export interface SettingDescription {
  /** The environment variable. */
  readonly name: string;
  /** As one would write it; absent where there is none. */
  readonly default?: string;
  readonly description: string;
  /** Its value is never shown. */
  readonly secret: boolean;
  /** Of no use but in tests. */
  readonly forTests: boolean;
}

/** Every setting of every process, in the order of the reference. */
export function describeSettings(): readonly SettingDescription[] {
  return Object.entries(VARIABLES).map(([name, variable]) => {
    // What an absent variable is read as.
    const byDefault: unknown = variable.safeParse(undefined).data;
    const text = Array.isArray(byDefault) ? byDefault.join(',') : String(byDefault);
    const { description = '', ...marks } = variable.meta() ?? {};
    return {
      name,
      ...(byDefault === undefined || text === '' ? {} : { default: text }),
      description,
      secret: marks['secret'] === true,
      forTests: marks['forTests'] === true,
    };
  });
}
