/** One or more settings are wrong; the message lists every one with what was expected, and quotes no value of a secret. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}
