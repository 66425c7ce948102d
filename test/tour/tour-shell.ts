import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { randomBytes } from 'node:crypto';

const COMMAND_MS = 120_000;

export interface CommandResult {
  /** Standard output and error as they came. */
  readonly output: string;
  readonly code: number;
}

/** One shell for all commands of a tour, as a person has it: variables and the directory last from one to the next. */
export class TourShell {
  readonly #bash: ChildProcessWithoutNullStreams;
  #output = '';
  #changed: () => void = () => undefined;

  constructor(directory: string, environment: Readonly<Record<string, string>>) {
    this.#bash = spawn('bash', ['--noprofile', '--norc'], { cwd: directory, env: { ...process.env, ...environment } });
    for (const stream of [this.#bash.stdout, this.#bash.stderr])
      stream.on('data', (chunk: Buffer) => {
        this.#output += chunk.toString();
        this.#changed();
      });
    this.#bash.on('exit', () => this.#changed());
  }

  /** Runs one command to its end. Fails if it takes longer than two minutes, or ends the shell. */
  async run(command: string): Promise<CommandResult> {
    const mark = `tour-${randomBytes(8).toString('hex')}`;
    this.#output = '';
    // The command's own input is empty, so that none reads the commands that follow.
    this.#bash.stdin.write(`{ ${command}\n} 2>&1 </dev/null; printf '\\n%s %d\\n' ${mark} $?\n`);
    const ending = new RegExp(`\\n${mark} (\\d+)\\n`);
    const found = await this.#until(() => ending.exec(this.#output) ?? undefined, command);
    return { output: this.#output.slice(0, found.index), code: Number(found[1]) };
  }

  close(): void {
    this.#bash.kill();
  }

  #until<T>(look: () => T | undefined, command: string): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no end within ${COMMAND_MS} ms: ${command}`)), COMMAND_MS);
      this.#changed = () => {
        const found = look();
        if (found === undefined && this.#bash.exitCode === null && this.#bash.signalCode === null) return;
        clearTimeout(timer);
        this.#changed = () => undefined;
        if (found === undefined) reject(new Error(`the shell ended at: ${command}\n${this.#output}`));
        else resolve(found);
      };
      this.#changed();
    });
  }
}
