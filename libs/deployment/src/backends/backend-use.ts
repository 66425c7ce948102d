import type { BackendRecord, ControlPlane, ObjectIndex } from '#libs/metadata';
import { DeploymentError } from '../errors.js';
import { readMigrationPayload } from '../jobs/payloads.js';
import { everyItem } from '../paging.js';

/** How many users of a thing a refusal names. */
const NAMED = 5;
const PAGE = 500;

/** What a backend's removal would break, as halves of sentences: `bucket photos is at home there`. */
type Use = string;

async function* homes({ buckets }: ControlPlane, backendId: string): AsyncGenerator<Use> {
  const { items } = await buckets.list({ limit: NAMED, backendId });
  for (const { name } of items) yield `bucket ${name} is at home there`;
}

/** Every record lies in a container that its bucket's document lists, so the documents say all: what lifecycle rules moved there as well. */
async function* containers(index: ObjectIndex, backendId: string): AsyncGenerator<Use> {
  let after: string | undefined;
  for (;;) {
    const page = await index.listBuckets({ limit: PAGE, ...(after === undefined ? {} : { after }) });
    for (const bucket of page) {
      for (const { backend, container, retiring } of bucket.containers) {
        if (backend !== backendId || bucket.home === backendId) continue;
        const why = retiring ? 'is still being emptied and removed' : 'holds objects that were moved there';
        yield `container ${container} of bucket ${bucket.name} ${why}`;
      }
    }
    after = page.at(-1)?.name;
    if (after === undefined || page.length < PAGE) return;
  }
}

async function* policies({ tiers }: ControlPlane, name: string): AsyncGenerator<Use> {
  for await (const tier of everyItem((page) => tiers.list(page))) {
    if (tier.backends.includes(name)) yield `tier policy ${tier.name} lists it`;
  }
}

function namesBackend(rule: unknown, name: string): boolean {
  if (typeof rule !== 'object' || rule === null || !('transitions' in rule) || !Array.isArray(rule.transitions)) {
    return false;
  }
  return rule.transitions.some(
    (step: unknown) => typeof step === 'object' && step !== null && 'backend' in step && step.backend === name,
  );
}

async function* lifecycles({ lifecycles: store, buckets }: ControlPlane, name: string): AsyncGenerator<Use> {
  for await (const { bucketId, rules } of everyItem((page) => store.list(page))) {
    if (!rules.some((rule) => namesBackend(rule, name))) continue;
    const bucket = await buckets.findById(bucketId);
    yield `a lifecycle rule of bucket ${bucket?.name ?? bucketId} moves objects there`;
  }
}

async function* migrations({ jobs }: ControlPlane, backendId: string): AsyncGenerator<Use> {
  const states = ['planned', 'running', 'paused'] as const;
  for await (const job of everyItem((page) => jobs.list({ ...page, type: 'migration', states }))) {
    const { source, destination } = readMigrationPayload(job);
    if (source.backend === backendId || destination.backend === backendId) yield `migration ${job.id} is unfinished`;
  }
}

/** Fails with `backend-in-use`, naming the first of what lives there or points there. */
export async function assertUnused(plane: ControlPlane, index: ObjectIndex, backend: BackendRecord): Promise<void> {
  const { id, name } = backend;
  const uses: Use[] = [];
  const kinds = [
    homes(plane, id),
    containers(index, id),
    policies(plane, name),
    lifecycles(plane, name),
    migrations(plane, id),
  ];
  for (const kind of kinds) {
    for await (const use of kind) {
      uses.push(use);
      if (uses.length >= NAMED) break;
    }
  }
  if (uses.length === 0) return;
  const shown = uses.slice(0, NAMED);
  throw new DeploymentError('backend-in-use', `backend ${name} is in use: ${shown.join('; ')}`, {
    facts: { uses: shown },
  });
}
