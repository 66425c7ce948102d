/** What must be closed again, in the order in which it was opened. */
export class OpenedParts {
  readonly #parts: { readonly name: string; readonly close: () => Promise<void> }[] = [];
  #closing: Promise<void> | undefined;

  constructor(private readonly onFailure: (part: string, error: unknown) => void) {}

  /** Takes note of a part; answers it. */
  add<T extends { close(): Promise<void> }>(name: string, part: T): T {
    this.#parts.push({ name, close: () => part.close() });
    return part;
  }

  /** Closes the last first, all of them whatever happens; once. Failures are told. */
  close(): Promise<void> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  async #closeAll(): Promise<void> {
    for (const { name, close } of this.#parts.toReversed()) {
      await close().catch((error: unknown) => this.onFailure(name, error));
    }
  }
}
