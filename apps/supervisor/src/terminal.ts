/** Lines for the person at the terminal; the children's own lines are JSON, for machines. */
export const terminal = {
  /** Says how things go. */
  say(line: string): void {
    process.stdout.write(`${line}\n`);
  },
  /** Says what went wrong. */
  problem(line: string): void {
    process.stderr.write(`spumoni: ${line}\n`);
  },
};
