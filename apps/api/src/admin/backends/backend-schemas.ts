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

const text = (description: string) => z.string().optional().describe(description);

/** Credentials of a backend: which fields depends on its type. They are never shown again. */
export const credentials = component(
  'Credentials',
  z
    .object({
      source: text(
        "Where temporary credentials come from. `keys` (default); `chain`: as the vendor's SDK finds them around this machine; aws and s3: `web-identity`; azure: `managed-identity`, `workload-identity`. What is not keys needs the operator's leave: SPUMONI_AMBIENT_CREDENTIALS, SPUMONI_IDENTITY_TOKEN_DIRECTORIES",
      ),
      accessKey: text('aws, s3'),
      secretKey: text('aws, s3'),
      sessionToken: text('aws, s3: of keys that end'),
      roleArn: text('aws, s3: the role to assume with what the source gives'),
      externalId: text("aws, s3: what the role's trust policy asks for"),
      sessionName: text("aws, s3: shown in the vendor's log; default: spumoni-NAME"),
      tokenFile: text('aws, s3: `web-identity`; azure: `workload-identity`: path of a file with an identity token'),
      accountName: text('azure'),
      accountKey: text('azure'),
      sasToken: text('azure: a shared access signature of the account, instead of its key'),
      tenantId: text('azure: `workload-identity`'),
      clientId: text('azure: `workload-identity`, and `managed-identity` where there are several'),
      serviceAccount: z
        .union([z.string(), z.looseObject({})])
        .optional()
        .describe('gcs: the JSON document of a key'),
      externalAccount: z
        .union([z.string(), z.looseObject({})])
        .optional()
        .describe('gcs: the JSON document of a workload identity federation'),
      proxyUser: text('For `options.proxy`'),
      proxyPassword: text('For `options.proxy`'),
    })
    .describe(
      'aws and s3: `accessKey`, `secretKey` (and `sessionToken`), or a `source`, with a `roleArn`; azure: `accountName` and `accountKey`, `sasToken` or a `source`; gcs: `serviceAccount`, `externalAccount` or a `source`; filesystem: none',
    )
    .meta({
      examples: [
        { accessKey: 'AKIAEXAMPLE', secretKey: 'the-secret-key' },
        { source: 'chain', roleArn: 'arn:aws:iam::123456789012:role/spumoni', externalId: 'from-the-trust-policy' },
        { accountName: 'examplestore', source: 'managed-identity' },
        { source: 'chain' },
      ],
    }),
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
    options: options
      .optional()
      .describe(
        'filesystem: `path`; gcs: `projectId`; `insecure` allows plain http; `ca`: certificates in PEM, trusted beside the public authorities; `proxy`: URL of an HTTP proxy; aws and s3: `stsEndpoint`; azure: `authorityHost`',
      ),
  }),
);

export const backendChange = z.object({
  endpoint: z.string().nullable().optional(),
  region: z.string().nullable().optional(),
  options: options.optional(),
  credentials: credentials
    .optional()
    .describe(
      'Replace all of them. Required, else `credentials-required`, where the change would send the stored ones to another place: endpoint, the region that forms it, `proxy`, `stsEndpoint`, `authorityHost`, a further `ca`',
    ),
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
