import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { apiDescription } from '../src/openapi/write-description.js';
import { operationsOf, type Description } from './description.js';
import { START_MS, Stand } from './stand.js';

describe('the description of the API', () => {
  let description: Description;
  beforeAll(async () => {
    description = parse(await apiDescription()) as Description;
  }, START_MS);

  it('is what is checked in', () => {
    const kept = parse(readFileSync(join(import.meta.dirname, '../../../openapi.yaml'), 'utf8')) as unknown;
    expect(description).toEqual(kept);
  });

  it('gives every operation an id of its own, a summary, a tag and its refusals as problems', () => {
    const operations = operationsOf(description);
    expect(new Set(operations.map(({ operation }) => operation.operationId)).size).toBe(operations.length);
    for (const { operation, open } of operations) {
      expect(operation.summary).toBeTruthy();
      expect(operation.tags).toHaveLength(1);
      if (!open) expect(operation.responses['401']).toEqual({ $ref: '#/components/responses/Problem401' });
    }
  });

  it('refers only to schemas that are there', () => {
    const text = JSON.stringify(description);
    const referred = [...text.matchAll(/#\/components\/schemas\/(\w+)/g)].map(([, name]) => name ?? '');
    for (const name of new Set(referred)) expect(Object.keys(description.components.schemas)).toContain(name);
  });
});

describe('Swagger UI', () => {
  let stand: Stand;
  beforeAll(async () => {
    stand = await Stand.start();
  }, START_MS);
  afterAll(() => stand.stop());

  it('loads with assets of this server alone, under a policy that allows no other', async () => {
    const page = await stand.ask('GET', '/docs', { authorization: '' });
    expect(page.status).toBe(200);
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self'");
    const html = page.bytes.toString();
    const assets = [...html.matchAll(/(?:src|href)=["']([^"']+)["']/g)].map(([, address]) => address ?? '');
    expect(assets.length).toBeGreaterThan(3);
    for (const asset of assets) {
      const address = new URL(asset, `${stand.url}/docs`);
      expect(address.origin).toBe(stand.url);
      expect((await stand.ask('GET', address.pathname, { authorization: '' })).status).toBe(200);
    }
    expect(html).not.toMatch(/<script(?![^>]*src=)[^>]*>[^<]*\S/);
  });

  it('has examples that work as they stand on a fresh start, in an order that makes sense', async () => {
    const example = (id: string): unknown => {
      const found = operationsOf(description()).find(({ operation }) => operation.operationId === id);
      const content = found?.operation.requestBody?.content['application/json'];
      return content?.example ?? content?.examples?.['example']?.value;
    };
    const { default: document } = { default: (await stand.ask('GET', '/docs-json', { authorization: '' })).json };
    function description(): Description {
      return document as Description;
    }
    const steps: readonly [id: string, method: string, path: string, status: number][] = [
      ['createBucket', 'PUT', '/v1/my-first-bucket', 200],
      ['registerBackend', 'POST', '/admin/v1/backends', 201],
      ['validateName', 'POST', '/admin/v1/names/validate', 200],
      ['putTier', 'PUT', '/admin/v1/tiers/Archive', 201],
      ['createUser', 'POST', '/admin/v1/users', 201],
      ['changeUser', 'PATCH', '/admin/v1/users/ada', 200],
      ['createKey', 'POST', '/admin/v1/keys', 201],
      ['planMigration', 'POST', '/admin/v1/migrations/plan', 200],
      ['putLifecycle', 'PUT', '/admin/v1/buckets/my-first-bucket/lifecycle', 200],
      ['previewLifecycle', 'POST', '/admin/v1/buckets/my-first-bucket/lifecycle/preview', 200],
      ['rotateCredentials', 'PUT', '/admin/v1/backends/local/credentials', 200],
      ['deleteObjects', 'POST', '/v1/my-first-bucket?delete', 200],
      ['startMigration', 'POST', '/admin/v1/migrations', 202],
    ];
    await stand.ask('PUT', '/v1/my-first-bucket', { json: example('createBucket') });
    await stand.ask('PUT', '/v1/my-first-bucket/hello.txt', { body: 'Hello, clouds!' });
    const change = await stand.ask('PATCH', '/v1/my-first-bucket/hello.txt', { json: example('changeObject') });
    expect(change.status).toBe(200);
    const copy = await stand.ask('POST', '/v1/my-first-bucket/copy?copyFrom=/my-first-bucket/hello.txt');
    expect(copy.status).toBe(200);
    for (const [id, method, path, status] of steps) {
      const answer = await stand.ask(method, path, { json: example(id) });
      const expected = id === 'createBucket' ? 409 : status;
      expect({ id, status: answer.status, json: answer.json }).toMatchObject({ id, status: expected });
    }
  });
});
