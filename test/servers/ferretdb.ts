import { MongoClient, MongoNetworkError, MongoServerSelectionError } from 'mongodb';
import { asRunning, needServer } from './launching.js';
import type { NoCredentials, RunningServer } from './running-server.js';
import { ServerProcess } from './server-process.js';

const PROBE_MS = 2_000;

/**
 * FerretDB: MongoDB's protocol on SQLite, its endpoint `mongodb://127.0.0.1:PORT`. One command at a time passes, so that changes of one
 * document are atomic as MongoDB's are (gaps.ts). What it has acknowledged outlives `kill`.
 */
export async function startFerretDb(): Promise<RunningServer<NoCredentials>> {
  const binary = needServer('ferretdb');
  const server = await ServerProcess.start({
    binary,
    command: (port, directory) => ({ file: binary.entry, args: [`127.0.0.1:${port}`, `${directory}/`] }),
    isReady: (origin) => pingMongo(toMongo(origin), PROBE_MS).catch(isNotYet),
  });
  return asRunning('ferretdb', server, { endpoint: toMongo(server.origin), credentials: {} });
}

/** True when the server at that MongoDB URL answers a ping within the time; fails with the driver's error if it does not. */
export async function pingMongo(url: string, withinMs: number): Promise<boolean> {
  const limits = { serverSelectionTimeoutMS: withinMs, connectTimeoutMS: withinMs, socketTimeoutMS: withinMs };
  const client = new MongoClient(url, limits);
  try {
    return (await client.db('admin').command({ ping: 1 }))['ok'] === 1;
  } finally {
    await client.close();
  }
}

function toMongo(origin: string): string {
  return origin.replace('http:', 'mongodb:');
}

function isNotYet(error: unknown): false {
  // A slow answer (MongoNetworkTimeoutError) and a connection that broke are of the second kind.
  if (error instanceof MongoServerSelectionError || error instanceof MongoNetworkError) return false;
  throw error;
}
