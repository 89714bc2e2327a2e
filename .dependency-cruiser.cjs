// Who may import whom, as data: the arrow of the rooms goes one way, and every room has one door (its index.ts).
const base = ['model', 'config', 'lib']
const rooms = {
  lib: [],
  model: ['lib'],
  config: ['model', 'lib'],
  'flow/ledger': ['model', 'lib'],
  handler: base,
  cache: base,
  'flow/source': ['flow/ledger', ...base],
  'flow/executor': base,
  'flow/sinks': base,
  'flow/ends': ['flow/sinks', 'flow/source', 'flow/ledger', ...base],
  'flow/pipeline': [
    'flow/ledger',
    'handler',
    'cache',
    'flow/executor',
    'flow/sinks',
    'flow/ends',
    'flow/source',
    ...base,
  ],
  'ops/logs': base,
  'ops/metrics': base,
  'ops/health': ['ops/metrics', ...base],
  'ops/control': base,
  'ops/watch': base,
  'ops/recorder': base,
  'ops/api': ['ops/metrics', 'ops/recorder', 'ops/health', ...base],
}
const names = Object.keys(rooms)
// A part behind its own door, so that only who needs it loads it: the native client, the thread that watches hooks.
const sideDoors = { 'flow/source': ['kafka/confluent/'], handler: ['watchdog/'] }
const test = '\\.test\\.ts$'
// Helpers of tests live beside them; like the tests, they are never shipped code.
const testing = '^src/testing/'

const layer = (room) => ({
  name: `layer:${room}`,
  comment: `${room} may import ${[...rooms[room], 'itself'].join(', ')}`,
  severity: 'error',
  from: { path: `^src/${room}/`, pathNot: test },
  to: { path: '^src/', pathNot: `^src/(${[room, ...rooms[room]].join('|')})/` },
})
const oneDoor = (room) => ({
  name: `one-door:${room}`,
  comment: `import src/${room}/index.ts; what it does not offer is its own business`,
  severity: 'error',
  from: { path: '^src/', pathNot: [`^src/${room}/`, test, testing] },
  to: { path: `^src/${room}/`, pathNot: `^src/${room}/(${['', ...(sideDoors[room] ?? [])].join('|')})index\\.ts$` },
})
const notOwnDoor = (room) => ({
  name: `not-own-door:${room}`,
  comment: 'inside a room, import the file itself',
  severity: 'error',
  from: { path: `^src/${room}/(?!index\\.ts)`, pathNot: test },
  to: { path: `^src/${room}/index\\.ts$` },
})

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'files that load each other; a ring that a type-only import closes does not exist at run time',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    ...names.map(layer),
    ...[...names, 'testing'].map(oneDoor),
    ...names.map(notOwnDoor),
    {
      name: 'nothing-imports-the-top',
      comment:
        'worker.ts, index.ts and the command line are where things are put together: nothing below may know them',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/(worker|index)\\.ts$', '^src/(app|cli|testing)/', test] },
      to: { path: ['^src/(worker|index)\\.ts$', '^src/(app|cli)/'] },
    },
    {
      name: 'tests-stay-out',
      severity: 'error',
      from: { path: '^src/', pathNot: test },
      to: { path: `${test}|^test/` },
    },
    {
      name: 'testing-stays-out',
      comment: 'drakkar/testing is for tests, ours and the users’',
      severity: 'error',
      from: { path: '^src/', pathNot: [test, testing] },
      to: { path: testing },
    },
    {
      name: 'client-in-its-adapter',
      comment: 'one room knows the Kafka client; all others see the KafkaDriver port',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/flow/source/kafka/', test] },
      to: { path: 'node_modules/@confluentinc/' },
    },
    {
      name: 'no-unresolvable',
      severity: 'error',
      from: { path: '^src/' },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { conditionNames: ['drakkar-src', 'import', 'require', 'node', 'default', 'types'] },
  },
}
