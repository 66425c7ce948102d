import type { Client } from '../system/client.js';
import { until } from '../system/running-spumoni.js';

const JOB_MS = 180_000;

/** Registers a backend, and answers its id. */
export async function register(client: Client, backend: Readonly<Record<string, unknown>>): Promise<string> {
  const answer = await client.send('POST', '/admin/v1/backends', { json: backend });
  if (answer.status >= 300) throw new Error(`a backend was refused: ${answer.text()}`);
  return idIn(answer.json());
}

/** The id of a registered backend. */
export async function backendId(client: Client, name: string): Promise<string> {
  return idIn((await client.expect(200, 'GET', `/admin/v1/backends/${name}`)).json());
}

function idIn(body: unknown): string {
  if (typeof body === 'object' && body !== null && 'id' in body && typeof body.id === 'string') return body.id;
  throw new Error(`no id in ${JSON.stringify(body)}`);
}

export async function createBucket(client: Client, name: string, on: { type: string; backend: string }): Promise<void> {
  await client.expect(200, 'PUT', `/v1/${name}`, { json: { ...on, name } });
}

/** Asks for a migration; answers its job's id. */
export async function startMigration(client: Client, bucket: string, backend: string): Promise<string> {
  const json = { bucket, destination: { backend } };
  return idIn((await client.expect(202, 'POST', '/admin/v1/migrations', { json })).json());
}

/** Puts these rules and runs them at once; answers the run's id. */
export async function startLifecycle(client: Client, bucket: string, rules: readonly object[]): Promise<string> {
  await client.expect(200, 'PUT', `/admin/v1/buckets/${bucket}/lifecycle`, { json: { rules } });
  return idIn((await client.expect(202, 'POST', `/admin/v1/buckets/${bucket}/lifecycle/runs`)).json());
}

/** Waits for the end of a job, and fails unless it was `completed`. */
export async function jobCompleted(client: Client, id: string): Promise<void> {
  let last = '';
  await until(`job ${id} ends`, JOB_MS, async () => {
    const answer = await client.expect(200, 'GET', `/admin/v1/jobs/${id}`);
    last = answer.text();
    const { state } = answer.json() as { state: string };
    return ['completed', 'failed', 'cancelled'].includes(state);
  });
  if ((JSON.parse(last) as { state: string }).state !== 'completed')
    throw new Error(`the job ended otherwise: ${last}`);
}
