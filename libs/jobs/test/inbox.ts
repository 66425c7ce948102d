/** What a worker was brought, to be waited for. */
export class Inbox<T> {
  readonly seen: T[] = [];
  private arrived = (): void => undefined;

  push(item: T): void {
    this.seen.push(item);
    this.arrived();
  }

  async holds(count: number): Promise<readonly T[]> {
    while (this.seen.length < count) await new Promise<void>((wake) => (this.arrived = wake));
    return this.seen;
  }
}
