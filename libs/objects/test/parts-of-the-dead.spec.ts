import { afterEach, describe, expect, it } from '@jest/globals';
import type { BucketDocument } from '#libs/metadata';
import { createBucket, putObject } from '../src/index.js';
import { settleDeadIntent } from '../src/sweep/dead-intents.js';
import { read, write } from './simulation/clients.js';
import { ACTOR, makePlatform, sweepAll, type Platform } from './simulation/platform.js';

/** Stops the next writer that comes to a point; tells when it is there, and lets it go on. */
class Stop {
  readonly there = Promise.withResolvers<undefined>();
  readonly #on = Promise.withResolvers<undefined>();

  constructor(readonly at: string) {}

  wait(): Promise<undefined> {
    this.there.resolve(undefined);
    return this.#on.promise;
  }

  goOn(): void {
    this.#on.resolve(undefined);
  }
}

function create({ engine }: Platform, bucket: BucketDocument, text: string) {
  const attributes = { headers: {}, metadata: {}, tags: {} };
  const body = Buffer.from(text);
  return putObject(engine, ACTOR, {
    bucket,
    key: 'key',
    body,
    expected: {},
    attributes,
    conditions: { ifNoneMatch: ['*'] },
  });
}

describe('the parts that a dead writer left, while another writes the key', () => {
  const stops: Stop[] = [];
  let next: Stop | undefined;
  afterEach(() => stops.splice(0).forEach((stop) => stop.goOn()));

  /** A write that stands still there, with its intent open. */
  async function stoppedWrite(
    { platform, bucket }: { platform: Platform; bucket: BucketDocument },
    stop: Stop,
    text: string,
    conditional = false,
  ) {
    stops.push(stop);
    next = stop;
    const writing = (conditional ? create(platform, bucket, text) : write(platform, bucket, 'key', text)).catch(
      (error: unknown) => error,
    );
    await stop.there.promise;
    return { writing };
  }

  it.each([
    ['before its bytes came', 'intent-recorded', 0, false],
    ['after its bytes came, which are adopted', 'bytes-sent', 1, false],
    ['before a conditional write, which does not wait for it', 'intent-recorded', 0, true],
  ])('are named until they are gone: it died %s', async (_, diedAt, revisions, conditional) => {
    const platform = makePlatform({
      tokens: { m1: 'version' },
      reach: (point) => {
        if (next?.at !== point) return undefined;
        const stop = next;
        next = undefined;
        return stop.wait();
      },
    });
    const { bucket } = await createBucket(platform.engine, ACTOR, { name: 'ours', backend: 'm1' });
    const address = { bucket: bucket.id, key: 'key' };
    const container = bucket.containers[0]?.container ?? '';
    const uploads = async (): Promise<number> => {
      const page = await platform.backends['m1']?.list(ACTOR, { container, include: 'everything', limit: 99 });
      return page?.entries.filter(({ kind }) => kind === 'upload').length ?? 0;
    };
    const key = async () => (await platform.index.getKey(address))?.value;

    await stoppedWrite({ platform, bucket }, new Stop(diedAt), 'first');
    await platform.backends['m1']?.leaveUpload(ACTOR, container, 'key');
    const living = new Stop('intent-recorded');
    const { writing } = await stoppedWrite({ platform, bucket }, living, 'second', conditional);
    const dead = (await key())?.intents[0];
    if (!dead) throw new Error('the first writer has an open intent');
    const settle = () =>
      settleDeadIntent(platform.engine, ACTOR, { bucket, address, writeId: dead.writeId, heartbeat: dead.heartbeat });

    // Whose the upload is cannot be told yet: it stays, and so does what names it.
    expect(await settle()).toBe(false);
    expect(await uploads()).toBe(1);
    const waiting = await key();
    expect(waiting?.revision).toBe(revisions);
    expect(waiting?.intents.filter(({ fenced }) => fenced)).toHaveLength(1);

    living.goOn();
    expect(await writing).not.toBeInstanceOf(Error);
    expect(await read(platform, bucket, 'key')).toBe('second');
    expect(await sweepAll(platform, bucket.id)).toEqual([]);
    expect(await uploads()).toBe(0);
    expect((await key())?.intents).toEqual([]);
    expect(await read(platform, bucket, 'key')).toBe('second');
  });
});
