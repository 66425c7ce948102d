/** The boundaries of DESIGN section 2, as data. Each rule says why in its comment. */
const lib = (name) => `^libs/${name}/`;
const only = (name, allowed) => ({
  name: `${name}-depends-only-on`,
  comment: `libs/${name} may use: ${allowed.join(', ') || 'nothing of the house'}`,
  severity: 'error',
  from: { path: lib(name), pathNot: '/test/' },
  to: { path: '^(libs|apps)/', pathNot: `^libs/(${[name, ...allowed].join('|')})/` },
});
module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', comment: 'One direction.', from: {}, to: { circular: true } },
    only('naming', []),
    only('tiering', ['naming']),
    only('secrets', []),
    only('backends', ['naming', 'tiering', 'secrets']),
    only('metadata', ['naming', 'tiering', 'secrets']),
    only('identity', ['metadata', 'secrets']),
    only('objects', ['backends', 'metadata', 'naming', 'tiering']),
    only('jobs', ['metadata']),
    only('backup', ['metadata', 'secrets']),
    only('webhooks', ['metadata', 'secrets']),
    only('tracing', []),
    // Root keys are kept as Secrets; a Postgres URL is checked by whoever reads it.
    only('settings', ['secrets', 'postgres-server']),
    {
      name: 'libs-never-apps',
      severity: 'error',
      comment: 'apps depend on libs.',
      from: { path: '^libs/' },
      to: { path: '^apps/' },
    },
    {
      name: 'no-deep-imports',
      severity: 'error',
      comment: 'A lib is entered by its index.',
      from: { path: '^(libs|apps)/([^/]+)/' },
      to: { path: '^libs/([^/]+)/src/', pathNot: ['^libs/[^/]+/src/index\\.ts$', '^$1/$2/'] },
    },
    {
      name: 'apps-apart',
      severity: 'error',
      comment: 'Apps do not import each other.',
      from: { path: '^apps/([^/]+)/', pathNot: '/test/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    {
      name: 'libs-never-know-http',
      severity: 'error',
      comment: 'Protocol layers translate in and out.',
      from: { path: '^libs/', pathNot: ['^libs/backends/', '^libs/webhooks/', '/test/', '^libs/s3/'] },
      to: { path: '(^(node:)?https?$)|node_modules/(fastify|@nestjs|undici|@fastify)/' },
    },
    {
      name: 'sdk-only-in-its-vendor-folder',
      severity: 'error',
      comment: 'A vendor SDK is imported in its folder alone.',
      from: {
        pathNot: ['^libs/backends/src/(aws|azure|gcs)/', '^libs/secrets/src/aws-kms/', '/test/', '^test/', '^bench/'],
      },
      to: { path: 'node_modules/(@aws-sdk|@azure|@google-cloud)/' },
    },
    {
      name: 'drivers-only-in-metadata-and-jobs',
      severity: 'error',
      comment: 'Ports hide drivers.',
      from: { path: '^libs/', pathNot: ['^libs/(metadata|jobs)/', '/test/'] },
      to: { path: 'node_modules/(typeorm|pg|lmdb|mongodb|bullmq|ioredis)/' },
    },
    {
      name: 'no-drawers',
      severity: 'error',
      comment: 'A room is named after what it holds.',
      from: {},
      to: { path: '/(utils?|helpers?|common|shared)(/|\\.ts$)', pathNot: 'node_modules' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|\\.cache|data)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['source', 'import', 'node', 'default'] },
  },
};
