import type { ChildProcess } from 'node:child_process';
import { BackOff } from './back-off.js';
import { childMessage, type AdministratorMessage, type ReadyMessage, type SupervisorMessage } from './messages.js';

/** One child process to keep running. */
export interface ChildPlan {
  /** As a person knows it: `API 1`, `worker`. */
  readonly name: string;
  readonly spawn: () => ChildProcess;
  /** How long its first start may take, migrations included. */
  readonly startTimeoutMs: number;
  /** Shows the keys of the first administrator. */
  readonly onAdministrator: (message: AdministratorMessage) => void;
  /** Gets what happens to it, in words for a person. */
  readonly onEvent: (event: string) => void;
}

/** So often is a first start begun again that somebody killed: the system for want of memory, or a person. */
const KILLED_STARTS = 3;

/**
 * A child that is started, waited for, started again when it crashes, and stopped. Before it has been ready once, its end fails
 * the start (settings or ports that are wrong stay wrong), unless it was killed; after that it is started again, ever later (BackOff).
 */
export class KeptChild {
  readonly #plan: ChildPlan;
  readonly #backOff = new BackOff();
  #process: ChildProcess | undefined;
  #gone: Promise<void> = Promise.resolve();
  #restart: NodeJS.Timeout | undefined;
  #stopping = false;
  #hasServed = false;
  #killedStarts = 0;
  #giveUp: ((error: Error) => void) | undefined;

  constructor(plan: ChildPlan) {
    this.#plan = plan;
  }

  /** Resolves with the child's ready message; rejects if it ends or stays silent instead, and says why if it said so. */
  async start(): Promise<ReadyMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<ReadyMessage>();
    const { name, startTimeoutMs } = this.#plan;
    if (this.#stopping) throw stopping(name);
    this.#giveUp = reject;
    const late = setTimeout(
      () => reject(new Error(`${name} was not ready after ${startTimeoutMs / 1000} s`)),
      startTimeoutMs,
    );
    this.#run(resolve, reject);
    try {
      return await promise;
    } finally {
      clearTimeout(late);
    }
  }

  /** Asks it to finish, and kills it after `deadlineMs`. Idempotent; resolves when it is gone. */
  async stop(deadlineMs: number): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restart);
    const child = this.#process;
    if (child === undefined) {
      // It may wait to be begun again.
      this.#giveUp?.(stopping(this.#plan.name));
      return;
    }
    this.#send(child, { type: 'stop' });
    const late = setTimeout(() => {
      this.#plan.onEvent(`did not stop within ${deadlineMs / 1000} s and was killed`);
      child.kill('SIGKILL');
    }, deadlineMs);
    await this.#gone;
    clearTimeout(late);
  }

  #send(child: ChildProcess, message: SupervisorMessage): void {
    if (!child.connected) return;
    // A channel that breaks now belongs to a child that is ending, and its end is seen elsewhere.
    child.send(message, (error) => {
      if (error !== null) this.#plan.onEvent(`could not be told "${message.type}": ${error.message}`);
    });
  }

  #run(resolve: (ready: ReadyMessage) => void, reject: (error: Error) => void): void {
    const began = Date.now();
    const child = this.#plan.spawn();
    this.#process = child;
    const gone = Promise.withResolvers<undefined>();
    this.#gone = gone.promise;
    let reason: string | undefined;
    child.on('message', (message: unknown) => {
      const { data } = childMessage.safeParse(message);
      if (data?.type === 'failed') reason = data.reason;
      else if (data?.type === 'administrator') this.#show(child, data);
      else if (data?.type === 'ready') {
        this.#hasServed = true;
        resolve(data);
      }
    });
    const end = (how: string, isKilled: boolean): void => {
      // A child that never started reports both an error and, sometimes, an exit.
      if (this.#process !== child) return;
      this.#process = undefined;
      gone.resolve(undefined);
      if (isKilled && this.#mayStartAgain()) {
        this.#soon(how, Date.now() - began, () => this.#run(resolve, reject));
        return;
      }
      const { name } = this.#plan;
      reject(new Error(`${name} could not start: ${reason ?? how}`));
      if (!this.#stopping && this.#hasServed) this.#runAgain(reason ?? how, Date.now() - began);
    };
    child.on('error', (error) => end(error.message, false));
    child.on('exit', (code, signal) =>
      end(
        signal === null ? `it ended with code ${String(code)}` : `it was ended by ${signal}`,
        signal === 'SIGKILL' && reason === undefined,
      ),
    );
  }

  #show(child: ChildProcess, message: AdministratorMessage): void {
    this.#plan.onAdministrator(message);
    this.#send(child, { type: 'administrator-shown' });
  }

  /** For a child that has not been ready yet: a bounded number of times. */
  #mayStartAgain(): boolean {
    if (this.#hasServed || this.#stopping) return false;
    this.#killedStarts += 1;
    return this.#killedStarts <= KILLED_STARTS;
  }

  #runAgain(how: string, upMs: number): void {
    this.#soon(how, upMs, () => this.#restartNow());
  }

  #soon(how: string, upMs: number, start: () => void): void {
    const pause = this.#backOff.next(upMs);
    this.#plan.onEvent(`crashed (${how}); starting it again ${pause === 0 ? 'at once' : `in ${pause / 1000} s`}`);
    this.#restart = setTimeout(start, pause);
  }

  /** A start that fails or takes too long comes back to `#runAgain` by the child's end. */
  #restartNow(): void {
    const { startTimeoutMs, onEvent } = this.#plan;
    const late = setTimeout(() => {
      onEvent(`was not ready again after ${startTimeoutMs / 1000} s and was killed`);
      this.#process?.kill('SIGKILL');
    }, startTimeoutMs);
    const recovered = (): void => {
      clearTimeout(late);
      onEvent('is ready again');
    };
    this.#run(recovered, () => clearTimeout(late));
  }
}

function stopping(name: string): Error {
  return new Error(`${name} is not started: everything is stopping`);
}
