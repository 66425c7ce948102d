import { expect } from '@jest/globals';
import fc from 'fast-check';
import { SLOTS, slots } from './arbitraries.js';
import { ask, OK, REFUSED, step, type Run, type Step } from './step.js';

const homes = fc.nat(1);
const policies = fc.constantFrom(null, null, 'Gold', 'Silver');

interface Creation {
  readonly slot: number;
  readonly home: number;
  readonly policy: string | null;
}

const create: Run<Creation> = async (model, service, { slot, policy, ...chosen }) => {
  const home = service.homes[chosen.home % service.homes.length] ?? service.homes[0];
  const name = service.nameOf(slot);
  const body = { type: home.type, name, backend: home.name, ...(policy === null ? {} : { policy }) };
  const request = {
    method: 'PUT',
    path: `/v1/${name}`,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  } as const;
  const isThere = model.buckets.has(slot);
  const answer = await ask(service, request, isThere ? REFUSED.bucketExists : OK);
  if (isThere) return;
  const expected = { name, displayname: name, tier: policy, locationconstraint: home.name, state: 'active' };
  expect(answer.json()).toMatchObject({ returnCode: 200, message: 'Successfully Created!', bucket: expected });
  model.buckets.set(slot, { home: home.name, policy, objects: new Map() });
};

export const createBucketIn = (slot: fc.Arbitrary<number>): fc.Arbitrary<Step> =>
  step('createBucket', fc.record({ slot, home: homes, policy: policies }), create);
export const createBucket = createBucketIn(slots);

export const deleteBucket = step('deleteBucket', slots, async (model, service, slot) => {
  const bucket = model.buckets.get(slot);
  const isEmpty = bucket?.objects.size === 0;
  const expected = bucket ? (isEmpty ? OK : REFUSED.bucketNotEmpty) : REFUSED.noSuchBucket;
  const answer = await ask(service, { method: 'DELETE', path: `/v1/${service.nameOf(slot)}` }, expected);
  if (!isEmpty) return;
  expect(answer.json()).toEqual({ returnCode: 204, message: 'Successfully Deleted!' });
  model.buckets.delete(slot);
});

export const lookAtBucket = step('lookAtBucket', slots, async (model, service, slot) => {
  const bucket = model.buckets.get(slot);
  const expected = bucket ? OK : REFUSED.noSuchBucket;
  const path = `/v1/${service.nameOf(slot)}`;
  const head = await ask(service, { method: 'HEAD', path }, expected);
  const inspected = await ask(service, { method: 'GET', path: `${path}?info` }, expected);
  if (!bucket) return;
  expect(head.headers['x-spumoni-location']).toBe(bucket.home);
  expect(inspected.json()).toMatchObject({ locationconstraint: bucket.home, tier: bucket.policy, state: 'active' });
});

export const listBuckets = step('listBuckets', fc.constant(null), async (model, service) => {
  const answer = await ask(service, { method: 'GET', path: '/v1/?limit=1000' }, OK);
  const { buckets } = answer.json() as { buckets: readonly { readonly displayname: string }[] };
  const names = new Set(buckets.map(({ displayname }) => displayname));
  for (const slot of SLOTS) expect([slot, names.has(service.nameOf(slot))]).toEqual([slot, model.buckets.has(slot)]);
});
