import type { TierPolicy } from '#libs/tiering';
import { MoreThan, Raw, type EntityManager, type Repository } from 'typeorm';
import { DeploymentEntity } from '../entities/deployment.entity.js';
import { TierPolicyEntity } from '../entities/tier-policy.entity.js';
import { ControlPlaneError } from '../errors.js';
import { attempt, required } from '../failures.js';
import { toTierPolicy } from '../mapping.js';
import { rowsToRead, toPage, type Page, type PageRequest } from '../paging.js';
import type { TierPolicyStore } from '../ports.js';
import type { TierPolicyRecord } from '../records.js';
import type { StoreContext } from './store-context.js';

/** A condition met by the name in any case; it is the unique index's own expression. */
function named(name: string): { name: ReturnType<typeof Raw> } {
  return { name: Raw((column) => `lower(${column}) = lower(:name)`, { name }) };
}

/** Tier policies in Postgres. */
export class PostgresTierPolicyStore implements TierPolicyStore {
  constructor(private readonly context: StoreContext) {}

  private get rows(): Repository<TierPolicyEntity> {
    return this.context.dataSource.getRepository(TierPolicyEntity);
  }

  async put(
    policy: TierPolicy,
    expectedRevision?: number,
  ): Promise<{ readonly policy: TierPolicyRecord; readonly created: boolean }> {
    const what = `tier policy ${policy.name}`;
    return attempt(what, () =>
      this.context.dataSource.transaction(async (manager) => {
        const rows = manager.getRepository(TierPolicyEntity);
        const before = await rows.findOne({ where: named(policy.name), lock: { mode: 'pessimistic_write' } });
        if (expectedRevision !== undefined && before?.revision !== expectedRevision) {
          const text = `${what}: it is at revision ${before?.revision ?? 'none'}, not ${expectedRevision}: read it again`;
          throw new ControlPlaneError('conflict', text);
        }
        const row = this.row(policy, before ?? undefined);
        if (before === null) await rows.insert(row);
        else await rows.update({ name: before.name }, row);
        return { policy: toTierPolicy(row), created: before === null };
      }),
    );
  }

  private row(policy: TierPolicy, before?: TierPolicyEntity): TierPolicyEntity {
    return this.rows.create({
      name: before?.name ?? policy.name,
      description: policy.description,
      classes: { ...policy.classes },
      attributes: { ...policy.attributes },
      backends: [...policy.backends],
      updatedAt: new Date(this.context.clock.now()),
      revision: (before?.revision ?? 0) + 1,
    });
  }

  async get(name: string): Promise<TierPolicyRecord> {
    return required(`tier policy ${name}`, await this.find(name));
  }

  async find(name: string): Promise<TierPolicyRecord | undefined> {
    const row = await attempt(`tier policy ${name}`, () => this.rows.findOneBy(named(name)));
    return row === null ? undefined : toTierPolicy(row);
  }

  async delete(name: string): Promise<void> {
    const what = `tier policy ${name}`;
    await attempt(what, async () => {
      const done = await this.rows.delete(named(name));
      required(what, done.affected === 1 ? done : undefined);
    });
  }

  async list(page: PageRequest): Promise<Page<TierPolicyRecord>> {
    const take = rowsToRead(page);
    const where = page.after === undefined ? {} : { name: MoreThan(page.after) };
    const rows = await attempt('tier policies', () => this.rows.find({ where, order: { name: 'ASC' }, take }));
    return toPage(rows, page.limit, { record: toTierPolicy, cursor: (row) => row.name });
  }

  async seed(policies: readonly TierPolicy[]): Promise<boolean> {
    return attempt('default tier policies', () =>
      this.context.dataSource.transaction((manager) => this.seedOnce(manager, policies)),
    );
  }

  /** The row lock makes processes that start together follow each other; all but the first find the mark. */
  private async seedOnce(manager: EntityManager, policies: readonly TierPolicy[]): Promise<boolean> {
    const deployments = manager.getRepository(DeploymentEntity);
    const [deployment] = await deployments.find({ take: 1, lock: { mode: 'pessimistic_write' } });
    const { id, tiersSeededAt } = required('deployment', deployment);
    if (tiersSeededAt !== null) return false;
    for (const policy of policies) {
      await manager.createQueryBuilder().insert().into(TierPolicyEntity).values(this.row(policy)).orIgnore().execute();
    }
    await deployments.update({ id }, { tiersSeededAt: new Date(this.context.clock.now()) });
    return true;
  }
}
