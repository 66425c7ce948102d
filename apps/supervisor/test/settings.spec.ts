import { describe, expect, it } from '@jest/globals';
import { readSettings, SettingsError } from '../src/settings.js';

describe('settings', () => {
  it('have defaults, and an empty variable is an absent one', () => {
    const settings = readSettings({ SPUMONI_HOST: '', OTHER: 'kept' });
    expect(settings.dataDirectory).toMatch(/^\/.*\/data$/);
    expect(settings).toMatchObject({ apiProcesses: 1, postgresUrl: undefined });
    expect(settings.childEnvironment).toMatchObject({
      SPUMONI_HOST: '127.0.0.1',
      SPUMONI_API_PORT: '8080',
      SPUMONI_S3_PORT: '9000',
      SPUMONI_DATA_DIR: settings.dataDirectory,
      OTHER: 'kept',
    });
  });

  it('are refused all at once, by name, without their values', () => {
    const wrong = {
      SPUMONI_API_PORT: 'eighty',
      SPUMONI_S3_PORT: '70000',
      SPUMONI_API_PROCESSES: '0',
      SPUMONI_LOG_LEVEL: 'loud',
      SPUMONI_POSTGRES_URL: 'mysql://u:hidden@h/d',
      SPUMONI_ROOT_SECRET_KEY: 'hidden',
    };
    const refusal = (): unknown => readSettings(wrong);
    expect(refusal).toThrow(SettingsError);
    for (const name of Object.keys(wrong)) expect(refusal).toThrow(name);
    expect(refusal).not.toThrow(/hidden|eighty|loud/);
  });

  it('want both root keys or neither', () => {
    expect(() => readSettings({ SPUMONI_ROOT_ACCESS_KEY: 'root' })).toThrow(/SPUMONI_ROOT_SECRET_KEY: is missing/);
    expect(() => readSettings({ SPUMONI_ROOT_SECRET_KEY: 'long enough' })).toThrow(
      /SPUMONI_ROOT_ACCESS_KEY: is missing/,
    );
    expect(readSettings({ SPUMONI_ROOT_ACCESS_KEY: 'root', SPUMONI_ROOT_SECRET_KEY: 'long enough' }).apiProcesses).toBe(
      1,
    );
  });
});
