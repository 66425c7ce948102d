import type { Deployment } from '#libs/deployment';
import type { UserRecord } from '#libs/metadata';
import { RequestError } from '../../http/request-error.js';

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The user of that id or name; `not-found` if there is none. What looks like an id is one. */
export async function findUser(deployment: Deployment, user: string): Promise<UserRecord> {
  const found = ID.test(user) ? await deployment.users.getUser(user) : await deployment.users.findUser(user);
  if (found) return found;
  throw new RequestError('not-found', `there is no user "${user}"`);
}
