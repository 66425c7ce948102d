/**
 * `npm run audit`: asks the registry for known weaknesses of what a production install brings, and fails for one that is high or critical. A registry that answers no such questions, as a mirror, is
 * named, and is no failure: it says nothing about the packages.
 */
import { spawnSync } from 'node:child_process';
import { root } from './node-24.mjs';

const { stdout } = spawnSync('npm', ['audit', '--omit=dev', '--json'], {
  cwd: root,
  encoding: 'utf8',
  timeout: 120_000,
});
const answer = JSON.parse(stdout || '{}');

if (answer.vulnerabilities === undefined) {
  console.log(`Not audited: ${answer.message ?? 'the registry gave no answer'}`);
} else {
  const grave = Object.values(answer.vulnerabilities).filter(({ severity }) => ['high', 'critical'].includes(severity));
  for (const { name, severity, range } of grave) console.error(`${name} ${range}: ${severity}`);
  const { info, low, moderate } = answer.metadata.vulnerabilities;
  console.log(`${grave.length} high or critical, ${info + low + moderate} less`);
  if (grave.length > 0) process.exitCode = 1;
}
