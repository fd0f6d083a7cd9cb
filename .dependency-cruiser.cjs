/** The import rules of ARCHITECTURE.md, checked by `npm run check`. */
const room = (name) => `^src/${name}/`;
const only = (name, allowed) => ({
  name: `${name}-imports`,
  comment: `src/${name} may import ${allowed.length > 0 ? allowed.join(', ') : 'nothing of ours'}.`,
  severity: 'error',
  from: { path: room(name) },
  to: {
    path: '^src/',
    pathNot: [room(name), ...allowed.map((other) => `^src/${other}/index\\.ts$`)],
  },
});

module.exports = {
  forbidden: [
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    only('network', []),
    only('turns', []),
    only('visible-text', []),
    only('sql', []),
    only('identity', ['network']),
    only('masking', ['sql']),
    only('policy', ['masking', 'sql']),
    only('transcript', ['network']),
    only('warehouse', ['network']),
    only('approval', ['transcript', 'turns', 'visible-text']),
    only('gateway', ['approval', 'identity', 'masking', 'policy', 'sql', 'transcript', 'turns', 'warehouse']),
    only('mcp', ['gateway', 'identity', 'masking', 'network', 'sql']),
    only('console', [
      'approval',
      'gateway',
      'identity',
      'masking',
      'network',
      'policy',
      'sql',
      'transcript',
      'visible-text',
    ]),
    only('terminal', ['transcript', 'visible-text']),
    only('protocol', []),
    only('embedded', ['protocol', 'sql']),
    {
      name: 'rooms-by-their-door',
      comment:
        'A room is entered by its index.ts; `config` and `policy` have a few more doors, which load nothing else.',
      severity: 'error',
      from: { path: '^src/([^/]+)/' },
      to: {
        path: '^src/[^/]+/',
        pathNot: [
          '^src/$1/',
          '^src/[^/]+/index\\.ts$',
          '^src/embedded/[^/]+/index\\.ts$',
          '^src/config/(new-secrets|problem|version)\\.ts$',
          '^src/policy/rules/problems\\.ts$',
        ],
      },
    },
    {
      name: 'no-loose-files',
      comment: 'Every source file stands in a room.',
      severity: 'error',
      from: {},
      to: { path: '^src/[^/]+$' },
    },
    {
      name: 'serve-without-embedded',
      comment: 'What serve loads must never reach the embedded parts.',
      severity: 'error',
      from: { path: '^src/(?!embedded/|demo/)' },
      to: { path: '^src/embedded/' },
    },
    {
      name: 'one-driver',
      comment: 'Only the warehouse room holds the driver.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/warehouse/' },
      to: { path: 'node_modules/snowflake-sdk' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
