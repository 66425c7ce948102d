import { z } from 'zod';
import { TOKEN_KINDS } from '#libs/backends';
import { BACKEND_STATES } from '#libs/metadata';
import { BACKEND_TYPES, S3_PROFILES, VENDORS } from '#libs/naming';
import { component } from '../../http/schemas.js';

export const storageClass = component(
  'StorageClass',
  z.looseObject({
    name: z.string().describe("The vendor's own name"),
    minimumDays: z.number().describe('Billed for at least so long'),
    minimumBytes: z.number().describe('Billed as at least so large'),
    retrieval: z.enum(['immediate', 'restore']),
    note: z.string(),
    default: z.boolean().optional(),
    transitionsTo: z.array(z.string()),
  }),
);

const options = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));

/** Credentials of a backend: which fields depends on its type. They are never shown again. */
export const credentials = component(
  'Credentials',
  z
    .object({
      accessKey: z.string().optional(),
      secretKey: z.string().optional(),
      sessionToken: z.string().optional(),
      accountName: z.string().optional(),
      accountKey: z.string().optional(),
      serviceAccount: z.union([z.string(), z.looseObject({})]).optional(),
    })
    .describe(
      'aws and s3: `accessKey`, `secretKey` (and `sessionToken`); azure: `accountName`, `accountKey`; gcs: `serviceAccount`; filesystem: none',
    ),
);

export const backendInput = component(
  'BackendInput',
  z.object({
    name: z.string(),
    type: z.enum([...BACKEND_TYPES, 'gcp']),
    profile: z.enum(S3_PROFILES).optional().describe('Of an s3 backend: whose service it is'),
    endpoint: z.string().optional(),
    region: z.string().optional(),
    credentials: credentials.optional(),
    options: options.optional().describe('filesystem: `path`; gcs: `projectId`; `insecure` allows plain http'),
  }),
);

export const backendChange = z.object({
  endpoint: z.string().nullable().optional(),
  region: z.string().nullable().optional(),
  options: options.optional(),
  expectedRevision: z.number().int().optional().describe('Refused as changed-meanwhile if it is another by now'),
});

export const backendView = component(
  'Backend',
  z.object({
    id: z.string(),
    name: z.string(),
    type: z.enum(BACKEND_TYPES),
    profile: z.enum(S3_PROFILES).optional(),
    vendor: z.enum(VENDORS),
    endpoint: z.string().optional(),
    region: z.string().optional(),
    options,
    credentials: z.array(z.string()).describe('Names of the fields that are set'),
    capabilities: z.looseObject({ tokens: z.enum(TOKEN_KINDS) }).describe('As the last check that passed found them'),
    weak: z.boolean().describe('Nothing names a single write there: changes take an exclusive lease'),
    state: z.enum(BACKEND_STATES),
    circuit: z
      .object({
        state: z.enum(['closed', 'open', 'half-open']),
        reason: z.string().optional(),
        retryAfterSeconds: z.number().int().optional(),
      })
      .describe('Whether calls are sent there, as the process that answers sees it: `open` means that none is'),
    lastCheckedAt: z.iso.datetime().optional(),
    lastCheckError: z.string().optional(),
    storageClasses: z.array(storageClass),
    createdAt: z.iso.datetime(),
    revision: z.number().int(),
  }),
);
export const backendList = z.object({ items: z.array(backendView), next: z.string().nullable() });

export const containerView = component(
  'BackendContainer',
  z.object({
    container: z.string().describe("Name of the vendor's own bucket or container"),
    region: z.string().optional(),
    createdAt: z.iso.datetime().optional(),
    versioned: z.boolean().describe('False: nothing there names a single write; adopting it asks what to do'),
    owner: z
      .union([
        z.object({ kind: z.literal('bucket'), bucket: z.string() }),
        z.object({ kind: z.literal('deployment'), deployment: z.string() }),
        z.object({ kind: z.enum(['orphaned', 'unknown', 'nobody']) }),
      ])
      .describe(
        '`bucket`: a bucket here. `deployment`: another deployment of Spumoni. `orphaned`: a bucket that is no more. `unknown`: its marker cannot be read. `nobody`: not managed',
      ),
    adoptable: z.boolean(),
  }),
);
export const containerList = z.object({ items: z.array(containerView), next: z.string().nullable() });
