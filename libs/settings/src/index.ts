export { SettingsError } from './errors.js';
export { readSettings, type Settings } from './settings.js';
export { describeSettings, type SettingDescription } from './describe-settings.js';
export { secretFileVariables } from './secret-files.js';
