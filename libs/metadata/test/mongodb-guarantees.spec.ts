import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Timestamp } from 'mongodb';
import { createMongodbIndex, type ObjectIndex } from '#libs/metadata';
import { bucketDocument, bucketId, shown } from './object-index/documents.js';
import { RecordingReplicaSet, type Command } from './mongodb/recording-replica-set.js';

const BUCKET = bucketId('bucket');
const CONDITIONAL = { expected: 7, next: shown(1), requireActive: true };

/** What is asked of a replica set, which the tests' FerretDB is not: ADR 8, "Durable and fresh". */
describe('the index asks a MongoDB replica set', () => {
  let mongo: RecordingReplicaSet;
  let index: ObjectIndex;
  beforeEach(async () => {
    mongo = await RecordingReplicaSet.listen();
    mongo.answers.set('findAndModify', () => ({ value: { _id: 'format', format: 1, deployment: 'test' } }));
    // Whatever the operator's URL says.
    const weak = 'w=1&journal=false&readPreference=secondary&readConcernLevel=local&retryWrites=false&retryReads=false';
    index = await createMongodbIndex({ url: `mongodb://127.0.0.1:${mongo.port}/own?${weak}`, deployment: 'test' });
    mongo.commands.length = 0;
  });
  afterEach(async () => {
    await index.close();
    await mongo.close();
  });

  const asked = (...names: string[]): Command[] =>
    mongo.commands.filter((command) => names.some((name) => name in command));
  const found = (document: object): void => {
    mongo.answers.set('find', ({ find = '' }) => ({
      cursor: { id: 0n, ns: `own.${find}`, firstBatch: find === 'buckets' ? [document] : [] },
    }));
  };

  it('for writes that a majority has in its journal, and that may be sent again without being done twice', async () => {
    await index.changeBucket(BUCKET, null, bucketDocument(BUCKET));
    await index.changeKey({ bucket: BUCKET, key: 'k' }, { expected: null, next: shown(1), requireActive: false });
    await index.changeKey({ bucket: BUCKET, key: 'k' }, { expected: 7, next: shown(1), requireActive: false });
    await index.changeKey({ bucket: BUCKET, key: 'k' }, { expected: 7, requireActive: false });
    await index.changeKey({ bucket: BUCKET, key: 'k' }, CONDITIONAL);
    const writes = asked('insert', 'update', 'delete');
    expect(writes.length).toBeGreaterThanOrEqual(6);
    for (const write of writes)
      expect(write).toMatchObject({
        $db: 'own',
        writeConcern: { w: 'majority', j: true, wtimeout: expect.any(Number) },
        txnNumber: expect.anything(),
      });
  });

  it('for reads of one document that a deposed primary cannot answer', async () => {
    await index.getKey({ bucket: BUCKET, key: 'k' });
    await index.getBucket(BUCKET);
    await index.findBucket('name');
    const reads = asked('find');
    expect(reads).toHaveLength(3);
    for (const read of reads) {
      expect(read.readConcern).toEqual({ level: 'linearizable' });
      expect(read['maxTimeMS']).toBeGreaterThan(0);
      expect(read['$readPreference'] ?? { mode: 'primary' }).toEqual({ mode: 'primary' });
    }
  });

  it('to list nothing older than what this process has seen', async () => {
    await index.getBucket(BUCKET);
    const seen = mongo.time;
    await index.list(BUCKET, { limit: 10 });
    await index.scan(BUCKET, { limit: 10 });
    await index.listPending({ limit: 10 });
    await index.listBuckets({ limit: 10 });
    const [, ...lists] = asked('find');
    expect(lists).toHaveLength(4);
    for (const [at, list] of lists.entries())
      expect(list.readConcern).toEqual({ level: 'majority', afterClusterTime: timeOf(seen + at) });
  });

  it('for the bucket not earlier than its permit, before it commits on it', async () => {
    found({
      _id: BUCKET,
      name: 'n',
      o: 'o',
      v: 1,
      d: JSON.stringify(['n', 'active', 'o', 1, 'filesystem', 'h', null, []]),
    });
    expect(await index.changeKey({ bucket: BUCKET, key: 'k' }, CONDITIONAL)).toBe('changed');
    const [permit, read, commit] = mongo.commands;
    const permitted = permit?.updates?.[0];
    expect(permitted).toMatchObject({ q: { _id: `${BUCKET}\0k`, v: 7, m: { $exists: false } } });
    expect(read).toMatchObject({ find: 'buckets', readConcern: { level: 'majority' } });
    expect(read?.readConcern?.afterClusterTime).toEqual(timeOf(mongo.time - 2));
    expect(commit?.updates?.[0]?.q).toEqual({ _id: `${BUCKET}\0k`, v: 7, m: permitted?.u.$set?.['m'] });
    expect(mongo.commands).toHaveLength(3);
  });

  it('for all permits not earlier than the announcement, before it makes a narrowing', async () => {
    found({
      _id: BUCKET,
      name: `name-${BUCKET}`,
      o: 'o',
      v: 1,
      d: JSON.stringify([`name-${BUCKET}`, 'active', 'o', 1, 'filesystem', 'h', null, []]),
    });
    const deleting = bucketDocument(BUCKET, { state: 'deleting' });
    expect(await index.changeBucket(BUCKET, 1, deleting)).toBe('changed');
    const [, announcement, search, completion] = mongo.commands;
    expect(announcement?.updates?.[0]?.q).toEqual({ _id: BUCKET, v: 1, a: { $exists: false } });
    expect(search).toMatchObject({ find: 'keys', filter: { m: { $gte: `${BUCKET}\0` } } });
    expect(search?.readConcern).toEqual({ level: 'majority', afterClusterTime: timeOf(mongo.time - 2) });
    expect(completion?.updates?.[0]?.q).toMatchObject({ _id: BUCKET, 'a.id': expect.any(String) });
  });
});

function timeOf(seconds: number): Timestamp {
  return new Timestamp({ t: seconds, i: 1 });
}
