import { listObjects, openBucket, openObject, putObject, removeObject, type OperationContext } from '#libs/objects';
import type { Deployment } from '../src/index.js';

/** A client's few calls on one bucket, and what it believes to be there. */
export class Client {
  readonly believed = new Map<string, string>();

  constructor(
    private readonly deployment: Deployment,
    private readonly context: OperationContext,
    readonly name: string,
  ) {}

  async put(key: string, text: string, tags: Readonly<Record<string, string>> = {}): Promise<void> {
    const { engine } = this.deployment;
    const bucket = await openBucket(engine, this.context, this.name);
    const body = Buffer.from(text);
    const attributes = { headers: {}, metadata: { of: key }, tags };
    await putObject(engine, this.context, { bucket, key, body, attributes, expected: { size: body.byteLength } });
    this.believed.set(key, text);
  }

  async get(key: string): Promise<string> {
    const { engine } = this.deployment;
    const bucket = await openBucket(engine, this.context, this.name);
    const { body } = await openObject(engine, this.context, { bucket, key });
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(chunk.slice());
    return Buffer.concat(chunks).toString('utf8');
  }

  async remove(key: string): Promise<void> {
    const { engine } = this.deployment;
    const bucket = await openBucket(engine, this.context, this.name);
    await removeObject(engine, this.context, { bucket, key });
    this.believed.delete(key);
  }

  async keys(): Promise<string[]> {
    const { engine } = this.deployment;
    const bucket = await openBucket(engine, this.context, this.name);
    const keys: string[] = [];
    let marker: string | undefined;
    do {
      const page = await listObjects(engine, { bucket, maxKeys: 100, ...(marker === undefined ? {} : { marker }) });
      keys.push(...page.objects.map(({ key }) => key));
      marker = page.nextMarker;
    } while (marker !== undefined);
    return keys;
  }

  /** Everything that is there, read whole. */
  async contents(): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    for (const key of await this.keys()) found.set(key, await this.get(key));
    return found;
  }

  /** How many objects lie on each backend, by name. */
  async places(): Promise<Record<string, number>> {
    const { engine } = this.deployment;
    const bucket = await openBucket(engine, this.context, this.name);
    const counts: Record<string, number> = {};
    const names = new Map((await engine.catalog.list()).map(({ id, name }) => [id, name]));
    for (const { document } of await engine.index.scan(bucket.id, { limit: 1000 })) {
      const name = names.get(document.current?.placement.backend ?? '') ?? 'none';
      if (document.current) counts[name] = (counts[name] ?? 0) + 1;
    }
    return counts;
  }
}
