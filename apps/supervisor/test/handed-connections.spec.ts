import { afterEach, describe, expect, it } from '@jest/globals';
import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { breakWhatItNeverTook } from '../src/handed-connections.js';

const PROGRAM = join(import.meta.dirname, 'fixtures', 'stuck.mjs');
const CONNECTIONS = 8;

describe('connections of an API process that dies', () => {
  const workers: Worker[] = [];
  afterEach(() => {
    for (const { process: child } of workers.splice(0)) child.kill('SIGKILL');
  });

  async function serving(): Promise<{ worker: Worker; port: number }> {
    cluster.setupPrimary({ exec: PROGRAM, args: [], execArgv: [] });
    const worker = cluster.fork();
    workers.push(worker);
    breakWhatItNeverTook(worker.process);
    const [address] = (await once(worker, 'listening')) as [AddressInfo];
    return { worker, port: address.port };
  }

  async function asking(port: number): Promise<Socket> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    return socket;
  }

  it('are taken and answered while it lives', async () => {
    const { port } = await serving();
    for (let n = 0; n < CONNECTIONS; n += 1) {
      const answer = (await asking(port)).setEncoding('utf8');
      let text = '';
      for await (const part of answer) text += String(part);
      expect(text).toContain('taken');
    }
  });

  it('break, also the one that was on its way to it', async () => {
    const { worker, port } = await serving();
    worker.send('be stuck');
    await once(worker, 'message');
    const sockets = await Promise.all(Array.from({ length: CONNECTIONS }, () => asking(port)));
    const ends = sockets.map(
      (socket) => new Promise((resolve) => socket.on('error', () => undefined).once('close', () => resolve('ended'))),
    );
    worker.process.kill('SIGKILL');
    // One that is forgotten stays open, and the test runs into its limit of time.
    expect(await Promise.all(ends)).toEqual(Array<string>(CONNECTIONS).fill('ended'));
  });
});
