import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { BSON, Long, Timestamp, type Document } from 'mongodb';

const HEADER_BYTES = 16;
const OP_MSG = 2013;
const OP_QUERY = 2004;
const OP_REPLY = 1;

/** A command as it came over the wire, in the parts that tests look at. */
export interface Command {
  readonly [name: string]: unknown;
  readonly find?: string;
  readonly readConcern?: { readonly level: string; readonly afterClusterTime?: Timestamp };
  readonly updates?: readonly {
    readonly q: Document;
    readonly u: { readonly $set?: Readonly<Record<string, unknown>> };
  }[];
}

/**
 * Speaks MongoDB's protocol as the primary of a replica set would, keeps every command, and answers with no documents at all: for what a driver asks of a replica set, which FerretDB is none.
 * Its logical clock goes on by one a command.
 */
export class RecordingReplicaSet {
  readonly commands: Command[] = [];
  readonly #sockets = new Set<Socket>();
  /** What a command of that name finds; by default nothing, and every change succeeds. */
  readonly answers = new Map<string, (command: Command) => Document>();
  #time = 100;
  #speaks: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {
    server.on('connection', (socket) => void this.#serve(socket).catch(() => socket.destroy()));
  }

  static async listen(): Promise<RecordingReplicaSet> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (typeof address !== 'object' || address === null) throw new Error('no port');
    return new RecordingReplicaSet(server, address.port);
  }

  /** Seconds of the newest time it told. */
  get time(): number {
    return this.#time;
  }

  /** From now on it takes connections, and reads and says nothing, until what this returns is called. */
  fallSilent(): () => void {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.#speaks = promise;
    return () => resolve(undefined);
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const closed = once(this.server, 'close');
    this.server.close();
    await closed;
  }

  async #serve(socket: Socket): Promise<void> {
    this.#sockets.add(socket);
    let rest = Buffer.alloc(0);
    for await (const chunk of socket) {
      await this.#speaks;
      rest = Buffer.concat([rest, chunk as Buffer]);
      while (rest.length >= HEADER_BYTES && rest.length >= rest.readInt32LE(0)) {
        const size = rest.readInt32LE(0);
        socket.write(this.#answer(rest.subarray(0, size)));
        rest = rest.subarray(size);
      }
    }
  }

  #answer(message: Buffer): Buffer {
    const [requestId, opcode] = [message.readInt32LE(4), message.readInt32LE(12)];
    const command = opcode === OP_QUERY ? commandOfQuery(message) : commandOfMessage(message);
    const body = BSON.serialize(this.#reply(command));
    return opcode === OP_QUERY ? asReply(requestId, body) : asMessage(requestId, body);
  }

  #reply(command: Command): Document {
    const [name = ''] = Object.keys(command);
    if (/^(hello|ismaster)$/i.test(name)) return this.#hello();
    if (name !== 'endSessions') this.commands.push(command);
    this.#time += 1;
    const operationTime = new Timestamp({ t: this.#time, i: 1 });
    const signature = { hash: new BSON.Binary(Buffer.alloc(20)), keyId: Long.ZERO };
    const found = this.answers.get(name)?.(command) ?? DEFAULTS[name] ?? {};
    return { ok: 1, ...found, operationTime, $clusterTime: { clusterTime: operationTime, signature } };
  }

  #hello(): Document {
    const me = `127.0.0.1:${this.port}`;
    return {
      ...{
        ok: 1,
        isWritablePrimary: true,
        ismaster: true,
        helloOk: true,
        setName: 'rs',
        setVersion: 1,
        hosts: [me],
        primary: me,
        me,
      },
      ...{ maxBsonObjectSize: 16_777_216, maxMessageSizeBytes: 48_000_000, maxWriteBatchSize: 100_000 },
      ...{ minWireVersion: 0, maxWireVersion: 25, logicalSessionTimeoutMinutes: 30, localTime: new Date(0) },
    };
  }
}

const DEFAULTS: Readonly<Record<string, Document>> = {
  find: { cursor: { id: Long.ZERO, ns: 'spumoni.any', firstBatch: [] } },
  insert: { n: 1 },
  update: { n: 1, nModified: 1 },
  delete: { n: 1 },
};

/** OP_MSG: flags, then a section of kind 0 with the command, then those of kind 1 with its documents. */
function commandOfMessage(message: Buffer): Command {
  let at = HEADER_BYTES + 4;
  let command: Command = {};
  const lists: Document = {};
  while (at < message.length) {
    const kind = message.readUInt8(at);
    const size = message.readInt32LE(at + 1);
    const section = message.subarray(at + 1, at + 1 + size);
    at += 1 + size;
    if (kind === 0) command = BSON.deserialize(section);
    else {
      const end = section.indexOf(0, 4);
      lists[section.toString('utf8', 4, end)] = documentsOf(section.subarray(end + 1));
    }
  }
  return { ...command, ...lists };
}

function documentsOf(bytes: Buffer): Document[] {
  const found: Document[] = [];
  for (let at = 0; at < bytes.length; at += bytes.readInt32LE(at))
    found.push(BSON.deserialize(bytes.subarray(at, at + bytes.readInt32LE(at))));
  return found;
}

/** OP_QUERY, for a driver's first greeting: flags, the collection's name, two numbers, the command. */
function commandOfQuery(message: Buffer): Command {
  const end = message.indexOf(0, HEADER_BYTES + 4);
  return BSON.deserialize(message.subarray(end + 9));
}

function header(size: number, responseTo: number, opcode: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.writeInt32LE(size, 0);
  bytes.writeInt32LE(responseTo, 8);
  bytes.writeInt32LE(opcode, 12);
  return bytes;
}

function asMessage(responseTo: number, body: Uint8Array): Buffer {
  const flagsAndKind = Buffer.alloc(5);
  return Buffer.concat([header(HEADER_BYTES + 5 + body.length, responseTo, OP_MSG), flagsAndKind, body]);
}

function asReply(responseTo: number, body: Uint8Array): Buffer {
  const fields = Buffer.alloc(20);
  fields.writeInt32LE(1, 16);
  return Buffer.concat([header(HEADER_BYTES + 20 + body.length, responseTo, OP_REPLY), fields, body]);
}
