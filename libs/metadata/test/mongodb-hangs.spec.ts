import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createMongodbIndex, type ObjectIndex } from '#libs/metadata';
import { bucketId, shown } from './object-index/documents.js';
import { RecordingReplicaSet } from './mongodb/recording-replica-set.js';

const BUCKET = bucketId('bucket');
const ADDRESS = { bucket: BUCKET, key: 'k' };
const UNAVAILABLE = { kind: 'unavailable' };
/** What is asked in these tests fails after it. */
const WITHIN_MS = 3_000;
const PATIENCE_MS = 60_000;
/** The driver does not look at a server twice within half a second. */
const BETWEEN_LOOKS_MS = 700;
/** More than the system takes for somebody who does not read. */
const LARGE = 12;

/** Every connection that this process makes, oldest first. */
class Connections {
  readonly #made: Socket[] = [];
  readonly #note = (message: unknown): void => {
    if (typeof message === 'object' && message !== null && 'socket' in message && message.socket instanceof Socket)
      this.#made.push(message.socket);
  };

  constructor() {
    subscribe('net.client.socket', this.#note);
  }

  get open(): readonly Socket[] {
    return this.#made.filter(({ destroyed }) => !destroyed);
  }

  stop(): void {
    unsubscribe('net.client.socket', this.#note);
  }
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not in time: ${what}`);
    await delay(20);
  }
}

// The driver waits for ever where it writes to a socket that is closed and has not said so: until the end of the event loop's turn. A server that is killed closes all connections in one turn.
describe('an index whose driver hangs', () => {
  let mongo: RecordingReplicaSet;
  let index: ObjectIndex;
  let connections: Connections;
  beforeEach(async () => {
    mongo = await RecordingReplicaSet.listen();
    mongo.answers.set('findAndModify', () => ({ value: { _id: 'format', format: 2, deployment: 'test' } }));
    mongo.answers.set('find', ({ find = '' }) => ({
      cursor: { id: 0n, ns: `own.${find}`, firstBatch: find === 'meta' ? [{ _id: 'format' }] : [] },
    }));
    connections = new Connections();
    const url = `mongodb://127.0.0.1:${mongo.port}/own`;
    index = await createMongodbIndex({ url, deployment: 'test', withinMs: WITHIN_MS });
  });
  afterEach(async () => {
    connections.stop();
    await index.close();
    await mongo.close();
  });

  it('finds its server again although the watch over it waits for ever', async () => {
    await delay(BETWEEN_LOOKS_MS);
    const speak = mongo.fallSilent();
    const written = new Map(connections.open.map((socket) => [socket, socket.bytesWritten]));
    const asked = expect(index.getKey(ADDRESS)).rejects.toMatchObject(UNAVAILABLE);
    const asking = (): Socket | undefined =>
      connections.open.find((socket) => socket.bytesWritten > (written.get(socket) ?? Infinity));
    await until('the question is out', () => asking() !== undefined);
    const cut = asking();
    // The question fails, so the driver looks at the server at once: over a connection that was closed a moment ago.
    for (const socket of connections.open) if (socket !== cut) socket.destroy();
    cut?.destroy(new Error('cut'));
    await asked;
    speak();
    await until('it serves again', () => index.ping());
  }, 90_000);

  it('fails in time what was asked over a connection that was closed in that moment, and goes on', async () => {
    await until('it serves', () => index.ping());
    for (const socket of connections.open) socket.destroy();
    const answer = index.getKey(ADDRESS).catch((error: unknown) => error);
    expect(await answer).toMatchObject(UNAVAILABLE);
    await until('it serves again', () => index.ping());
  }, 90_000);

  it('fails in time what is too much for a server that reads nothing, and goes on when it reads again', async () => {
    const speak = mongo.fallSilent();
    const placement = { ...shown(1).current?.placement, token: 't'.repeat(1024 * 1024) };
    const garbage = Array.from({ length: LARGE }, () => ({ placement, notBefore: 1 }));
    const next = { ...shown(1), garbage } as ReturnType<typeof shown>;
    await expect(index.changeKey(ADDRESS, { expected: null, next, requireActive: false })).rejects.toMatchObject(
      UNAVAILABLE,
    );
    speak();
    await until('it serves again', () => index.ping());
  }, 90_000);

  it('closes in time whatever still waits', async () => {
    for (const socket of connections.open) socket.destroy();
    const answer = expect(index.getKey(ADDRESS)).rejects.toMatchObject(UNAVAILABLE);
    await index.close();
    await answer;
  }, 90_000);
});
