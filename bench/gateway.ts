import { findServer, startMinio } from '../test/servers/index.js';
import type { Row } from './row.js';
import { GET_LARGE, GET_SMALL, measureOnce, PUT_LARGE, PUT_SMALL, warmUp, type Measure } from './measures.js';
import { minioBody } from './minio-body.js';
import { measurePeer, peerSubjects } from './peers.js';
import { s3Subject } from './s3-subject.js';
import type { Subject } from './subject.js';
import { spumoniSubject } from './subjects.js';

/** What the goals are of: measured in every round. */
const SMALL = [PUT_SMALL, GET_SMALL];
/** Measured once, and last: a process that has just taken large uploads answers small requests dearer for some 20,000 of them. */
const LARGE = [PUT_LARGE, GET_LARGE];

/** As a gateway before one MinIO, beside that MinIO itself and the peers as gateways before it; nothing where MinIO is not installed. */
export async function gatewayRows(rounds: number, roundsOfPeers: number): Promise<Row[]> {
  if (!findServer('minio')) return [];
  const minio = await startMinio();
  const body = minioBody(minio);
  const { pid } = minio;
  const direct = { ...minio, pid, stop: () => Promise.resolve() };
  const subjects: Subject[] = [];
  let peers: readonly Subject[] = [];
  const rows: Row[] = [];
  try {
    subjects.push(await s3Subject('MinIO itself', direct));
    subjects.push({ ...(await spumoniSubject({ title: 'before MinIO', body }, 'gateway-bucket')), beneath: pid });
    if (roundsOfPeers > 0) peers = (await peerSubjects(minio)).map((peer) => ({ ...peer, beneath: pid }));
    const measureAll = async (measure: Measure, round: number): Promise<void> => {
      for (const subject of subjects) rows.push(await measureOnce(measure, subject, round));
      if (round <= roundsOfPeers) for (const peer of peers) rows.push(...(await measurePeer(measure, peer, round)));
    };
    for (const measure of SMALL) for (const subject of subjects) await warmUp(measure, subject);
    for (let round = 1; round <= rounds; round += 1) for (const measure of SMALL) await measureAll(measure, round);
    for (const measure of LARGE) await measureAll(measure, 1);
  } finally {
    await Promise.all([...subjects, ...peers].map((subject) => subject.stop()));
    await minio.stop();
  }
  return rows;
}
