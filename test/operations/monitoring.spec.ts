import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { Metrics } from '../../apps/api/src/operations/metrics.js';
import { WorkerMetrics } from '../../apps/worker/src/metrics.js';

const OPS = join(import.meta.dirname, '..', '..', 'ops');
const read = (...path: string[]): string => readFileSync(join(OPS, ...path), 'utf8');

const alerts = z
  .object({
    groups: z.array(
      z.object({
        rules: z.array(
          z.object({
            alert: z.string(),
            expr: z.string(),
            labels: z.object({ severity: z.enum(['page', 'ticket']) }),
            annotations: z.object({ summary: z.string(), runbook: z.string() }),
          }),
        ),
      }),
    ),
  })
  .parse(parse(read('prometheus', 'alerts.yml')))
  .groups.flatMap(({ rules }) => rules);

const board = z
  .object({
    panels: z.array(
      z.object({
        id: z.number(),
        title: z.string(),
        fieldConfig: z.object({ defaults: z.object({ unit: z.string() }) }),
        targets: z.array(z.object({ expr: z.string(), refId: z.string() })).min(1),
      }),
    ),
  })
  .parse(JSON.parse(read('grafana', 'spumoni.json')));

/** Every series that a process shows, as Prometheus names it. */
async function shown(): Promise<Set<string>> {
  const api = new Metrics();
  const worker = new WorkerMetrics();
  // These two are shown from their first value on.
  for (const observe of [api.observeBackend, worker.observe])
    observe({ backend: 'b', operation: 'get', outcome: 'ok', seconds: 1, bytes: 1 });
  api.observeCircuit('b', 'open');
  const count = { total: 3, done: 1, failed: 1 };
  api.watchJobs(() =>
    Promise.resolve({
      open: [{ type: 'retier', state: 'planned', jobs: 1 }],
      ended: [{ type: 'retier', state: 'failed', jobs: 1 }],
      work: [{ type: 'retier', objects: count, bytes: count }],
      waiting: [{ type: 'retier', seconds: 7 }],
    }),
  );
  const text = `${await api.text()}\n${await worker.registry.metrics()}`;
  const names = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap(([, name = '', type]) =>
    type === 'histogram' ? [`${name}_bucket`, `${name}_count`, `${name}_sum`] : [name],
  );
  return new Set([...names, 'up']);
}

/** The series that a PromQL expression asks for: what stands before a selector or a range, or alone. */
function asked(expr: string): string[] {
  const bare = expr.replace(/"[^"]*"/g, '""').replace(/\b(by|without)\s*\([^)]*\)/g, '');
  return [...bare.matchAll(/\b(up|(?:spumoni|nodejs|process)_[a-z0-9_]+)\b/g)].map(([, name = '']) => name);
}

describe('what watches over Spumoni', () => {
  const expressions = [
    ...alerts.map(({ alert, expr }) => [`alert ${alert}`, expr] as const),
    ...board.panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [`panel ${title}`, expr] as const)),
  ];

  it.each(expressions)('%s asks for figures that there are', async (_, expr) => {
    const names = asked(expr);
    expect(names.length).toBeGreaterThan(0);
    const there = await shown();
    expect(names.filter((name) => !there.has(name))).toEqual([]);
  });

  it.each(expressions)('%s has as many brackets opened as closed', (_, expr) => {
    const bare = expr.replace(/"[^"]*"/g, '');
    const count = (bracket: string): number => bare.split(bracket).length;
    expect([count('('), count('{'), count('[')]).toEqual([count(')'), count('}'), count(']')]);
  });

  it('tells of each alert what to do, in the runbook', () => {
    const chapters = [...read('runbook.md').matchAll(/^## (.+)$/gm)].map(([, title = '']) => title);
    for (const { alert, annotations } of alerts) {
      expect(chapters).toContain(alert);
      expect(annotations.runbook).toBe(`ops/runbook.md#${alert.toLowerCase()}`);
    }
  });

  it('shows each panel once, in its place', () => {
    expect(new Set(board.panels.map(({ id }) => id)).size).toBe(board.panels.length);
  });
});
