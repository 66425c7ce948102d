import { Controller, Delete, Get, Inject, Param, Patch, Post, UseGuards } from '@nestjs/common';
import { ApiParam, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import type { Deployment } from '#libs/deployment';
import { USER_ROLES, type UserRecord } from '#libs/metadata';
import { AccessGuard, ForUsers } from '../../http/access.guard.js';
import type { Caller } from '../../http/caller.js';
import { Describe } from '../../http/describe.decorator.js';
import { AskedBy, JsonBody, pageOf, pageQuery, QueryOf, shownPage } from '../../http/parameters.js';
import { component } from '../../http/schemas.js';
import { DEPLOYMENT } from '../../tokens.js';
import { findUser } from './find-user.js';

const userView = component(
  'User',
  z.object({
    id: z.string(),
    name: z.string(),
    role: z.enum(USER_ROLES),
    disabled: z.boolean(),
    createdAt: z.iso.datetime(),
  }),
);
const newUser = z.strictObject({ name: z.string(), role: z.enum(USER_ROLES).default('user') });
const change = z
  .strictObject({ role: z.enum(USER_ROLES).optional(), disabled: z.boolean().optional() })
  .refine(({ role, disabled }) => role !== undefined || disabled !== undefined, 'expected role or disabled');
const userParam = ApiParam({ name: 'user', description: 'Name or id of the user', example: 'root' });

function show({ id, name, role, disabled, createdAt }: UserRecord): z.output<typeof userView> {
  return { id, name, role, disabled, createdAt: new Date(createdAt).toISOString() };
}

/** Users, for administrators; anybody may ask who they are. */
@ApiTags('users')
@Controller('admin/v1/users')
@UseGuards(AccessGuard)
export class UsersController {
  constructor(@Inject(DEPLOYMENT) private readonly deployment: Deployment) {}

  @Get()
  @Describe({
    id: 'listUsers',
    summary: 'List the users',
    query: pageQuery,
    answer: { description: 'A page', schema: z.object({ items: z.array(userView), next: z.string().nullable() }) },
    refusals: [400, 403],
  })
  async list(@QueryOf(pageQuery) query: z.output<typeof pageQuery>) {
    return shownPage(await this.deployment.users.listUsers(pageOf(query)), show);
  }

  @Post()
  @Describe({
    id: 'createUser',
    summary: 'Make a user; keys are made for it afterwards',
    body: { schema: newUser, example: { name: 'ada', role: 'user' } },
    answer: { status: 201, description: 'Made', schema: userView },
    refusals: [400, 403, 409, 413],
  })
  async create(@JsonBody(newUser) { name, role }: z.output<typeof newUser>) {
    return show(await this.deployment.users.createUser(name, role));
  }

  @Get('me')
  @ForUsers()
  @Describe({
    id: 'getMe',
    summary: 'Who am I?',
    answer: { description: 'The user whose key pair was sent', schema: userView },
  })
  async me(@AskedBy() caller: Caller) {
    return show(await this.deployment.users.getUser(caller.principal.userId));
  }

  @Get(':user')
  @userParam
  @Describe({
    id: 'getUser',
    summary: 'Read a user',
    answer: { description: 'The user', schema: userView },
    refusals: [403, 404],
  })
  async get(@Param('user') user: string) {
    return show(await findUser(this.deployment, user));
  }

  @Patch(':user')
  @userParam
  @Describe({
    id: 'changeUser',
    summary: 'Disable or enable a user, or change the role',
    body: { schema: change, example: { disabled: false } },
    answer: { description: 'As it is now', schema: userView },
    refusals: [400, 403, 404, 409, 413],
  })
  async change(@Param('user') user: string, @JsonBody(change) wish: z.output<typeof change>) {
    const { users } = this.deployment;
    let found = await findUser(this.deployment, user);
    if (wish.role !== undefined) found = await users.changeRole(found.id, wish.role);
    if (wish.disabled !== undefined)
      found = await (wish.disabled ? users.disableUser(found.id) : users.enableUser(found.id));
    return show(found);
  }

  @Delete(':user')
  @userParam
  @Describe({
    id: 'deleteUser',
    summary: 'Delete a user who owns no bucket, and the keys',
    answer: { status: 204, description: 'Deleted' },
    refusals: [403, 404, 409],
  })
  async remove(@Param('user') user: string): Promise<void> {
    await this.deployment.users.deleteUser((await findUser(this.deployment, user)).id);
  }
}
