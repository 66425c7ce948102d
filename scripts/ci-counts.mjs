/** Adds up what both test runs of CI counted and prints it as one line; a run without a result counts as one failure. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './node-24.mjs';

const total = { passed: 0, failed: 0, skipped: 0 };
for (const name of ['test-results.json', 'test-results.servers.json']) {
  const file = join(root, '.cache', name);
  if (!existsSync(file)) {
    total.failed += 1;
    continue;
  }
  const results = JSON.parse(readFileSync(file, 'utf8'));
  total.passed += results.numPassedTests;
  total.failed += results.numFailedTests + results.numRuntimeErrorTestSuites;
  total.skipped += results.numPendingTests + results.numTodoTests;
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
