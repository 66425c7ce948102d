import type { PreparedRequest } from './http-load.js';

/** A server under load, and how a request to it is made. */
export interface Subject {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** The process of what it is a gateway before, if it is one. */
  readonly beneath?: number;
  /** The processes that serve, whose CPU is counted. */
  pids(): Promise<number[]>;
  prepare(method: 'GET' | 'PUT' | 'HEAD', key: string, body?: Buffer): PreparedRequest;
  prepareList(query: Readonly<Record<string, string>>): PreparedRequest;
  stop(): Promise<void>;
}
