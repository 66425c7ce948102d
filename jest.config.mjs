/** Specs beside nothing else: `libs/<lib>/test/**`, `apps/<app>/test/**`, `test/**`. Suites on real servers end in `.servers.spec.ts`. */
export default {
  roots: ['<rootDir>/libs', '<rootDir>/apps', '<rootDir>/test'],
  testMatch: ['**/*.spec.ts'],
  testEnvironment: '<rootDir>/test/patient-environment.mjs',
  testEnvironmentOptions: { customExportConditions: ['source', 'node', 'node-addons'] },
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': '@swc/jest' },
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1', '^fast-check$': '<rootDir>/test/seeded-fast-check.mjs' },
  modulePathIgnorePatterns: ['<rootDir>/dist', '<rootDir>/.cache', '<rootDir>/data'],
  cacheDirectory: '<rootDir>/.cache/jest',
  testTimeout: 120_000,
};
