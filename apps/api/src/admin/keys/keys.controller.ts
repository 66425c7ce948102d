import { Controller, Delete, Get, Inject, Param, Patch, Post, UseGuards } from '@nestjs/common';
import { ApiParam, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import type { Deployment } from '#libs/deployment';
import { isAdmin, type AccessKey, type IssuedKey } from '#libs/identity';
import { AccessGuard, ForUsers } from '../../http/access.guard.js';
import type { Caller } from '../../http/caller.js';
import { Describe } from '../../http/describe.decorator.js';
import { AskedBy, JsonBody, pageOf, pageQuery, QueryOf, shownPage } from '../../http/parameters.js';
import { RequestError } from '../../http/request-error.js';
import { component } from '../../http/schemas.js';
import { DEPLOYMENT } from '../../tokens.js';
import { findUser } from '../users/find-user.js';

const keyView = component(
  'AccessKey',
  z.object({
    accessKey: z.string(),
    userId: z.string(),
    disabled: z.boolean(),
    createdAt: z.iso.datetime(),
    lastRotatedAt: z.iso.datetime().optional(),
  }),
);
const issuedKey = keyView.extend({ secretKey: z.string().describe('Shown by this answer and never again') });
const newKey = z.strictObject({ user: z.string().optional().describe('Name or id; yourself if absent') });
const change = z.strictObject({ disabled: z.boolean() });
const listQuery = pageQuery.extend({ user: z.string().optional().describe('Name or id; administrators only') });
const keyParam = ApiParam({ name: 'accessKey' });

function show({ accessKeyId, userId, disabled, createdAt, lastRotatedAt }: AccessKey): z.output<typeof keyView> {
  const rotated = lastRotatedAt === undefined ? {} : { lastRotatedAt: new Date(lastRotatedAt).toISOString() };
  return { accessKey: accessKeyId, userId, disabled, createdAt: new Date(createdAt).toISOString(), ...rotated };
}

/** The one place where a secret leaves. */
function showIssued({ key, secret }: IssuedKey): z.output<typeof issuedKey> {
  return { ...show(key), secretKey: secret.reveal() };
}

/** Access keys: one's own for everybody, all for administrators. */
@ApiTags('users')
@Controller('admin/v1/keys')
@UseGuards(AccessGuard)
@ForUsers()
export class KeysController {
  constructor(@Inject(DEPLOYMENT) private readonly deployment: Deployment) {}

  @Get()
  @Describe({
    id: 'listKeys',
    summary: 'List access keys: your own, or all for an administrator',
    query: listQuery,
    answer: { description: 'A page', schema: z.object({ items: z.array(keyView), next: z.string().nullable() }) },
    refusals: [400, 403, 404],
  })
  async list(@AskedBy() { principal }: Caller, @QueryOf(listQuery) query: z.output<typeof listQuery>) {
    const userId = await this.#userOf(principal, query.user, isAdmin(principal) ? undefined : principal.userId);
    const page = { ...pageOf(query), ...(userId === undefined ? {} : { userId }) };
    return shownPage(await this.deployment.users.listKeys(page), show);
  }

  @Post()
  @Describe({
    id: 'createKey',
    summary: 'Make an access key; its secret is shown this once',
    body: { schema: newKey, example: {}, required: false },
    answer: { status: 201, description: 'Made, with its secret', schema: issuedKey },
    refusals: [400, 403, 404, 413],
  })
  async create(@AskedBy() { principal }: Caller, @JsonBody(newKey) { user }: z.output<typeof newKey>) {
    const userId = await this.#userOf(principal, user, principal.userId);
    return showIssued(await this.deployment.users.createKey(userId));
  }

  @Get(':accessKey')
  @keyParam
  @Describe({
    id: 'getKey',
    summary: 'Read an access key, without its secret',
    answer: { description: 'The key', schema: keyView },
    refusals: [403, 404],
  })
  async get(@AskedBy() caller: Caller, @Param('accessKey') accessKey: string) {
    return show(await this.#own(caller, accessKey));
  }

  @Post(':accessKey/rotate')
  @keyParam
  @Describe({
    id: 'rotateKey',
    summary: 'Give a key a new secret; the old one opens nothing any more',
    answer: { description: 'With the new secret, shown this once', schema: issuedKey },
    refusals: [403, 404],
  })
  async rotate(@AskedBy() caller: Caller, @Param('accessKey') accessKey: string) {
    await this.#own(caller, accessKey);
    return showIssued(await this.deployment.users.rotateKey(accessKey));
  }

  @Patch(':accessKey')
  @keyParam
  @Describe({
    id: 'changeKey',
    summary: 'Disable or enable a key',
    body: { schema: change, example: { disabled: true } },
    answer: { description: 'As it is now', schema: keyView },
    refusals: [400, 403, 404, 409, 413],
  })
  async change(
    @AskedBy() caller: Caller,
    @Param('accessKey') accessKey: string,
    @JsonBody(change) { disabled }: z.output<typeof change>,
  ) {
    await this.#own(caller, accessKey);
    return show(await this.deployment.users.setKeyDisabled(accessKey, disabled));
  }

  @Delete(':accessKey')
  @keyParam
  @Describe({
    id: 'deleteKey',
    summary: 'Delete a key',
    answer: { status: 204, description: 'Deleted' },
    refusals: [403, 404, 409],
  })
  async remove(@AskedBy() caller: Caller, @Param('accessKey') accessKey: string): Promise<void> {
    await this.#own(caller, accessKey);
    await this.deployment.users.deleteKey(accessKey);
  }

  /** The key, if the caller may touch it. To others it is as if it were not there: ids of keys are not to be guessed. */
  async #own({ principal }: Caller, accessKey: string): Promise<AccessKey> {
    const key = await this.deployment.users.getKey(accessKey);
    if (isAdmin(principal) || key.userId === principal.userId) return key;
    throw new RequestError('not-found', `there is no access key "${accessKey}"`);
  }

  /** Whom a request is about: whoever it names, which only administrators may, else the given one. */
  async #userOf<T>(principal: Caller['principal'], user: string | undefined, otherwise: T): Promise<string | T> {
    if (user === undefined) return otherwise;
    if (!isAdmin(principal)) {
      if (user === principal.name || user === principal.userId) return principal.userId;
      throw new RequestError('access-denied', 'keys of others are for administrators only');
    }
    return (await findUser(this.deployment, user)).id;
  }
}
