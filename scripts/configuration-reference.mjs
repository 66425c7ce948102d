/**
 * Writes docs/configuration.md from the schema that reads the settings (libs/settings). Needs Node 24 and the packages, but no build.
 *
 *   node scripts/configuration-reference.mjs           writes the page
 *   node scripts/configuration-reference.mjs --check   exits with 1 if the page and the schema differ
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import './typescript-source.mjs';
import { root } from './node-24.mjs';
import { keepPage, table } from './reference-page.mjs';

const source = pathToFileURL(join(root, 'libs', 'settings', 'src', 'index.ts')).href;
const { describeSettings, secretFileVariables } = await import(source);

const shown = (text) => (text === undefined ? '' : `\`${text}\``);
const rowsOf = (settings) =>
  settings.map(({ name, default: byDefault, description, secret }) => [
    `\`${name}\``,
    shown(byDefault),
    `${description}.${secret ? ' **Secret**: never shown, never logged.' : ''}`,
  ]);

const settings = describeSettings();
const files = secretFileVariables().map(({ file }) => file);
const head = ['variable', 'default', 'meaning'];

await keepPage(
  'docs/configuration.md',
  `# Configuration

<!-- Written by scripts/configuration-reference.mjs from libs/settings. Edit the schema, not this page. -->

Spumoni reads environment variables, once, when a process starts. An empty variable counts as an absent one. If a value is
wrong, nothing starts: each wrong variable is named with what was expected. Values of secrets are never quoted.

Set them in the shell before \`npm start\`:

\`\`\`sh
SPUMONI_DATA_DIR=/srv/spumoni SPUMONI_API_PORT=8081 npm start
\`\`\`

${table(head, rowsOf(settings.filter(({ forTests }) => !forTests)))}

A secret may be in a file instead, as Docker and Kubernetes hand out secrets: ${files.map((file) => `\`${file}\``).join(', ')} name such a file. It is read once, when a process starts; a newline at its
end does not count.

Two rules hold between variables:

- \`SPUMONI_ROOT_ACCESS_KEY\` and \`SPUMONI_ROOT_SECRET_KEY\` are given both or neither. They count on the first start only.
- \`SPUMONI_DEAD_AFTER_SECONDS\` is at least three times \`SPUMONI_HEARTBEAT_SECONDS\`.

Everything else is kept in Spumoni itself and changed through its API: backends, tier policies, users, lifecycle rules. See the [guides](README.md).

## For tests only

${table(head, rowsOf(settings.filter(({ forTests }) => forTests)))}
`,
);
