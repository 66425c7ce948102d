import {
  NO_REQUESTS,
  type ConfigurationSnapshot,
  type ControlPlane,
  type Page,
  type PageRequest,
  type RequestCounts,
  type UsageDay,
  type UsageDimension,
  type UsageGroup,
} from '#libs/metadata';
import { vendorOf, type Vendor } from '#libs/naming';
import { ObjectsError, type Engine } from '#libs/objects';
import { DEFAULT_PRICES, priceOf, requestCost, storageCost, type PriceTable } from '#libs/tiering';
import { DeploymentError } from '../errors.js';
import { isoTime, shownPage } from '../paging.js';
import { countBucket } from './count-bucket.js';
import { checkedPrices } from './price-input.js';
import type { UsageQuery, UsageService, UsageView } from './usage-service.js';

const DAY_MS = 24 * 60 * 60 * 1000;
/** The month of an estimate. */
const DAYS = 30;

/** Usage as the control plane keeps it: see the port. */
export class StoredUsage implements UsageService {
  constructor(private readonly parts: { readonly controlPlane: ControlPlane; readonly engine: Engine }) {}

  async list(by: UsageDimension, page: PageRequest & Pick<UsageQuery, 'ownerId'>): Promise<Page<UsageView>> {
    const { controlPlane, engine } = this.parts;
    const since = engine.clock.now() - (DAYS - 1) * DAY_MS;
    const [groups, table, snapshot] = await Promise.all([
      controlPlane.usage.list(by, { ...page, since }),
      this.prices(),
      controlPlane.configuration.current(),
    ]);
    return shownPage(groups, (group) => show(group, table, snapshot));
  }

  history(by: UsageDimension, query: UsageQuery): Promise<Page<UsageDay>> {
    return this.parts.controlPlane.usage.history(by, query);
  }

  async count(name: string): Promise<void> {
    const { controlPlane, engine } = this.parts;
    const bucket = (await engine.index.findBucket(name))?.value;
    if (!bucket) throw new ObjectsError('no-such-bucket', `there is no bucket "${name}"`);
    const snapshot = await controlPlane.configuration.current();
    const done = await controlPlane.exclusively('usage count on demand', async () => {
      await controlPlane.usage.putStorage(await countBucket(engine, snapshot, bucket));
      return true;
    });
    if (done !== true)
      throw new DeploymentError('wrong-state', 'another count is under way; ask again when it has ended');
  }

  async prices(): Promise<PriceTable> {
    const kept = await this.parts.controlPlane.usage.findPrices();
    return kept === undefined ? DEFAULT_PRICES : checkedPrices(kept);
  }

  async setPrices(input: unknown): Promise<PriceTable> {
    const table = checkedPrices(input);
    await this.parts.controlPlane.usage.putPrices(table);
    return table;
  }

  resetPrices(): Promise<void> {
    return this.parts.controlPlane.usage.deletePrices();
  }
}

function show(group: UsageGroup, table: PriceTable, snapshot: ConfigurationSnapshot): UsageView {
  const { name, storage, countedAt, uncounted } = group;
  const unpriced = new Set<string>();
  const vendor = (id: string): Vendor | undefined => {
    const backend = snapshot.backendById.get(id);
    return backend && vendorOf(backend.type, backend.profile);
  };
  let kept = 0;
  for (const { backend, storageClass, billedBytes } of storage) {
    const where = vendor(backend);
    const price = where && priceOf(table, where, storageClass);
    if (price) kept += storageCost(price, billedBytes);
    else unpriced.add(`${where ?? backend} ${storageClass}`);
  }
  let asked = 0;
  for (const { backend, ...counts } of group.requests) {
    const where = vendor(backend);
    asked += (where && requestCost(table, where, counts)) ?? 0;
  }
  const [stored, requested] = [cents(kept), cents(asked)];
  return {
    name,
    objects: storage.reduce((all, { objects }) => all + objects, 0),
    bytes: storage.reduce((all, { bytes }) => all + bytes, 0),
    countedAt: countedAt === undefined ? null : isoTime(countedAt),
    uncountedBuckets: uncounted,
    requests: group.requests.reduce(sum, NO_REQUESTS),
    estimate: {
      currency: table.currency,
      storage: stored,
      requests: requested,
      total: cents(stored + requested),
      unpriced: [...unpriced].sort(),
    },
  };
}

function sum(all: RequestCounts, one: RequestCounts): RequestCounts {
  return {
    reads: all.reads + one.reads,
    writes: all.writes + one.writes,
    lists: all.lists + one.lists,
    bytesIn: all.bytesIn + one.bytesIn,
    bytesOut: all.bytesOut + one.bytesOut,
  };
}

/** Hundredths of a cent are the last digit of any price here. */
function cents(amount: number): number {
  return Math.round(amount * 10_000) / 10_000;
}
