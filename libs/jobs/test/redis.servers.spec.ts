import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { DeafLine } from '../../../test/servers/deaf-line.js';
import { findProgram, startRedis, type RunningRedis } from '../../../test/servers/index.js';
import { openJobQueue, type JobQueue, type QueueConnection } from '../src/index.js';
import { describeQueue } from './contract.js';
import { Inbox } from './inbox.js';
import { QueueStand } from './queue-stand.js';

const noTick = () => Promise.reject(new Error('no tick was expected'));
/** Two seconds, and what a busy machine adds: far from for ever. */
const PROMPT_MS = 40_000;
const RETRY_MS = 25;
/** Of one queue that works: who asks, and for each of two kinds of work who works and who waits. */
const REDIS_CONNECTIONS = 5;

describe('with a real Redis', () => {
  if (!findProgram('redis-server')) {
    it.skip('carries jobs [skipped: redis-server is not installed]', () => undefined);
    return;
  }
  let stand: QueueStand;
  let redis: RunningRedis;
  let connection: QueueConnection;
  beforeAll(async () => {
    redis = await startRedis();
    connection = { kind: 'redis', redis: { url: redis.url } };
    stand = await QueueStand.start();
  }, 60_000);
  afterAll(async () => {
    await stand.stop();
    await redis.stop();
  });

  describeQueue('Redis', () => ({
    stand,
    store: { connection, loseAll: () => redis.command('FLUSHALL') },
  }));

  describe('an outage of Redis', () => {
    afterEach(() => stand.tidy());

    /** A queue with a worker that has been brought one job. */
    async function atWork(): Promise<{ queue: JobQueue; inbox: Inbox<string> }> {
      const queue = await stand.open(connection);
      const inbox = new Inbox<string>();
      await queue.work({ job: async ({ jobId }) => inbox.push(jobId), tick: noTick }, { concurrency: 2 });
      await queue.enqueue('before', 'sweep');
      await inbox.holds(1);
      return { queue, inbox };
    }
    /** The queue takes jobs again, at the latest two seconds after Redis does. */
    async function enqueueWhenBack(queue: JobQueue, id: string): Promise<void> {
      for (;;) {
        const taken = await queue.enqueue(id, 'sweep').then(
          () => true,
          () => false,
        );
        if (taken) return;
        await delay(RETRY_MS);
      }
    }

    it('is told at once to whoever adds a job; after it, jobs come without a restart', async () => {
      const { queue, inbox } = await atWork();
      await redis.kill();
      const begun = performance.now();
      await expect(queue.enqueue('during', 'sweep')).rejects.toThrow();
      expect(await queue.ping()).toBe(false);
      expect(performance.now() - begun).toBeLessThan(PROMPT_MS);
      await redis.restart();
      await enqueueWhenBack(queue, 'after');
      expect(await inbox.holds(2)).toEqual(['before', 'after']);
      expect(stand.trouble.map(({ message }) => message)).toEqual([
        'the connection to Redis was lost; it is made again',
      ]);
    });

    it('that is a silence is told within two seconds; after it, jobs come without a restart', async () => {
      const { queue, inbox } = await atWork();
      redis.pause();
      const begun = performance.now();
      await expect(queue.enqueue('during', 'sweep')).rejects.toThrow();
      expect(performance.now() - begun).toBeLessThan(PROMPT_MS);
      redis.resume();
      await enqueueWhenBack(queue, 'after');
      // What was sent into the silence arrived after it; twice is no harm.
      expect((await inbox.holds(3)).toSorted()).toEqual(['after', 'before', 'during']);
    });

    /** As `atWork`, by a line that can fall silent. */
    async function atWorkOver() {
      const line = await DeafLine.to(redis.url);
      const queue = await stand.open({ kind: 'redis', redis: { url: line.url } });
      const inbox = new Inbox<string>();
      await queue.work({ job: async ({ jobId }) => inbox.push(jobId), tick: noTick }, { concurrency: 2 });
      await queue.enqueue('before', 'sweep');
      await inbox.holds(1);
      return { line, queue, inbox };
    }

    it('of the way there, which swallows all without a word, is found out and gone around', async () => {
      const { line, queue, inbox } = await atWorkOver();
      line.swallow();
      await expect(queue.enqueue('during', 'sweep')).rejects.toThrow();
      await enqueueWhenBack(queue, 'after');
      expect(await inbox.holds(2)).toEqual(['before', 'after']);
      await stand.tidy();
      await line.close();
    }, 60_000);

    it('of the way there, which takes connections and swallows all, keeps nobody waiting once it carries again', async () => {
      const { line, queue, inbox } = await atWorkOver();
      line.swallowAll();
      // Until all have been connected anew, in vain.
      await line.swallows(REDIS_CONNECTIONS);
      expect(await queue.ping()).toBe(false);
      line.carry();
      await enqueueWhenBack(queue, 'after');
      expect(await inbox.holds(2)).toEqual(['before', 'after']);
      await stand.tidy();
      await line.close();
    }, 90_000);

    it('keeps no worker from stopping, once its handlers have ended', async () => {
      const queue = await stand.open(connection);
      const inbox = new Inbox<string>();
      const gate = Promise.withResolvers<undefined>();
      const job = async ({ jobId }: { jobId: string }): Promise<void> => {
        inbox.push(jobId);
        await gate.promise;
      };
      const working = await queue.work({ job, tick: noTick }, { concurrency: 1 });
      await queue.enqueue('under way', 'sweep');
      await inbox.holds(1);
      await redis.kill();
      let stopped = false;
      const stopping = working.stop().then(() => (stopped = true));
      expect(await queue.ping()).toBe(false);
      expect(stopped).toBe(false);
      gate.resolve(undefined);
      await stopping;
      await queue.close();
      await redis.restart();
    });

    it('at the start is told with its reason, and without the password', async () => {
      const lost = openJobQueue({ connection: { kind: 'redis', redis: { url: 'redis://me:topsecret@127.0.0.1:1' } } });
      await expect(lost).rejects.toThrow(/^Redis cannot be reached: connect ECONNREFUSED 127\.0\.0\.1:1$/);
      const wrong = openJobQueue({
        connection: { kind: 'redis', redis: { url: redis.url.replace('//', '//me:topsecret@') } },
      });
      await expect(wrong).rejects.toThrow(/^Redis cannot be reached: WRONGPASS/);
    });
  });
});
