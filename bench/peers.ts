import { findServer } from '../test/servers/index.js';
import { startPeer, type Backing } from '../test/servers/peers.js';
import type { PeerName } from '../test/servers/versions.mjs';
import type { Row } from './row.js';
import { measureOnce, type Measure } from './measures.js';
import { s3Subject } from './s3-subject.js';
import type { Subject } from './subject.js';

const ALONE: readonly (readonly [PeerName, string])[] = [
  ['versitygw', 'Versity posix (writes not synced)'],
  ['rclone', 'rclone serve s3 (not synced)'],
  ['s3proxy', 'S3Proxy, filesystem (not synced)'],
];
const GATEWAYS: readonly (readonly [PeerName, string])[] = [
  ['rclone', 'rclone serve s3 before MinIO'],
  ['s3proxy', 'S3Proxy before MinIO'],
];

/** Each installed peer, on a directory or before what backs it. One that does not start is told of and left out. */
export async function peerSubjects(backing?: Backing): Promise<Subject[]> {
  const subjects: Subject[] = [];
  for (const [name, title] of backing ? GATEWAYS : ALONE) {
    if (!findServer(name)) continue;
    try {
      subjects.push(await subjectOf(name, title, backing));
    } catch (error) {
      leftOut(title, error);
    }
  }
  return subjects;
}

/** A peer that fails a request is told of; what it could do is kept. */
export async function measurePeer(measure: Measure, peer: Subject, round: number): Promise<Row[]> {
  try {
    return [await measureOnce(measure, peer, round)];
  } catch (error) {
    leftOut(`${peer.name}, ${measure.name},`, error);
    return [];
  }
}

async function subjectOf(name: PeerName, title: string, backing: Backing | undefined): Promise<Subject> {
  const peer = await startPeer(name, backing);
  try {
    return await s3Subject(title, peer);
  } catch (error) {
    await peer.stop();
    throw error;
  }
}

function leftOut(what: string, error: unknown): void {
  process.stdout.write(`${what} is left out: ${error instanceof Error ? error.message : String(error)}\n`);
}
