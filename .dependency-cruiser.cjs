/** The import rules of ARCHITECTURE.md, checked by `npm run check`. */
const room = (name) => `^src/${name}/`;
const only = (name, allowed) => ({
  name: `${name}-imports`,
  comment: `src/${name} may import ${allowed.length > 0 ? allowed.join(', ') : 'nothing of ours'}.`,
  severity: 'error',
  from: { path: room(name) },
  to: {
    path: '^src/',
    pathNot: [
      room(name),
      ...allowed.map((other) => (other.endsWith('.ts') ? `^src/${other}$` : `^src/${other}/index\\.ts$`)),
    ],
  },
});

module.exports = {
  forbidden: [
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    only('identity', ['addresses.ts']),
    only('sql', []),
    only('masking', ['sql']),
    only('policy', ['sql', 'masking']),
    only('transcript', ['addresses.ts']),
    only('warehouse', ['addresses.ts']),
    only('approval', ['transcript', 'visible-text.ts', 'fair.ts']),
    only('mcp', ['addresses.ts', 'bounded-json.ts', 'gateway.ts', 'identity', 'masking', 'sql']),
    only('console', [
      'addresses.ts',
      'bounded-json.ts',
      'gateway.ts',
      'visible-text.ts',
      'approval',
      'identity',
      'masking',
      'policy',
      'sql',
      'transcript',
    ]),
    only('embedded', ['sql']),
    {
      name: 'rooms-by-their-door',
      comment: 'A room is entered by its index.ts.',
      severity: 'error',
      from: { path: '^src/[^/]+\\.ts$' },
      to: { path: '^src/[^/]+/', pathNot: '^src/[^/]+/index\\.ts$' },
    },
    {
      name: 'serve-without-embedded',
      comment: 'What serve loads must never reach the embedded parts.',
      severity: 'error',
      from: { path: '^src/(?!embedded/|cli/demo\\.ts)' },
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
