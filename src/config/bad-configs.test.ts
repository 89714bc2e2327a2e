import { describe, expect, it } from 'vitest'
import { complaints } from '../../test/support/config-file.ts'
import type { LoadOptions } from './index.ts'

type Case = readonly [name: string, yaml: string, said: readonly string[]]

const UNKNOWN: readonly Case[] = [
  [
    'a section',
    'exector: { max_executors: 4 }',
    ['drakkar.yaml:1:1: exector is not a known setting; did you mean executor?'],
  ],
  [
    'a setting',
    'executor: { max_executor: 4 }',
    ['executor.max_executor is not', 'did you mean executor.max_executors?'],
  ],
  ['another spelling', 'executor: { maxExecutors: 4 }', ['did you mean executor.max_executors?']],
  ['a wrong section', 'max_executors: 4', ['did you mean executor.max_executors?']],
  [
    'a setting of the pool in kafka',
    'kafka: { window_size: 4 }',
    ['kafka.window_size', 'did you mean executor.window_size?'],
  ],
  [
    'a sink’s setting',
    'sinks: { kafka: { out: { topic: t, compresion: lz4 } } }',
    ['sinks.kafka.out.compresion', 'did you mean sinks.kafka.out.compression?'],
  ],
  ['a kind of sink', 'sinks: { kafak: { out: { topic: t } } }', ['sinks.kafak is not', 'did you mean sinks.kafka?']],
  ['nothing like it', 'metrics: { zzzzzzzzzzzz: 1 }', ['metrics.zzzzzzzzzzzz', 'metrics has enabled, host, port']],
  [
    'in a list of instances',
    'sinks: { filesystem: { out: { base_path: /x, base_pth: /y } } }',
    ['did you mean sinks.filesystem.out.base_path?'],
  ],
  ['__proto__', '__proto__: { x: 1 }', ['__proto__ is not a known setting']],
]

const VALUES: readonly Case[] = [
  [
    'a word for a number',
    'executor: { max_executors: eight }',
    ['drakkar.yaml:1:13: executor.max_executors is "eight"; it must be a whole number, 1 or more'],
  ],
  ['too small', 'executor: { max_executors: 0 }', ['is 0; it must be a whole number, 1 or more']],
  ['a fraction', 'executor: { window_size: 1.5 }', ['is 1.5; it must be a whole number']],
  ['infinity', 'executor: { task_timeout_seconds: .inf }', ['executor.task_timeout_seconds']],
  ['not a number', 'executor: { task_timeout_seconds: .nan }', ['executor.task_timeout_seconds']],
  ['a port', 'metrics: { port: 70000 }', ['is 70000; it must be a whole number from 0 to 65535']],
  ['a flag', 'metrics: { enabled: maybe }', ['is "maybe"; it must be true or false']],
  ['a choice', 'sources: { kafka: { on_parse_error: ignore } }', ['is "ignore"; it must be one of dlq, skip, hold']],
  ['another choice', 'executor: { on_output_cap: cut }', ['one of fail, truncate']],
  ['a level', 'logging: { level: LOUD }', ['one of DEBUG, INFO, WARNING']],
  ['launchers', 'executor: { launchers: 100 }', ['it must be auto or a whole number from 1 to 64']],
  ['an empty text', 'sources: { kafka: { consumer_group: "" } }', ['is ""; it must be a text that is not empty']],
  [
    'an empty list',
    'sources: { kafka: { topic: [] } }',
    ['is an empty list; it must be a text or a list of them, not empty'],
  ],
  ['a form', 'executor: { umask: "9" }', ['executor.umask is "9"; it must be a text that matches ^0?[0-7]{3}$']],
  ['an empty value', 'kafka: { brokers: }', ['kafka.brokers is empty; it must be a text']],
  ['a list for a text', 'kafka: { brokers: [a, b] }', ['kafka.brokers is ["a","b"]; it must be a text']],
  ['a section for a value', 'kafka: { brokers: { host: a } }', ['kafka.brokers is a section; it must be a text']],
  ['a value for a section', 'executor: 8', ['executor is 8; it must be a section']],
  ['a list for a section', 'sinks: { kafka: [a] }', ['sinks.kafka is ["a"]; it must be a section']],
  [
    'an item of a list',
    'executor: { env_inherit_deny: [A, { b: 1 }] }',
    ['executor.env_inherit_deny[1] is a section; it must be a text'],
  ],
  [
    'a variable that is a list',
    'executor: { env: { PATHS: [a] } }',
    ['executor.env.PATHS is a list; it must be a text'],
  ],
  [
    'what is required',
    'sinks:\n  kafka:\n    out: {}',
    ['drakkar.yaml:3:5: sinks.kafka.out.topic is required: a text that is not empty'],
  ],
  [
    'what is required in a folder',
    'sinks: { filesystem: { out: { fsync: false } } }',
    ['sinks.filesystem.out.base_path is required'],
  ],
  ['a negative time', 'dlq: { flush_timeout_seconds: -1 }', ['is -1; it must be a number, 0 or more']],
  [
    'drop',
    'dlq: { on_send_failure: drop }',
    ['dlq.on_send_failure is "drop", which would lose messages', '`stall`, the only choice'],
  ],
]

const RULES: readonly Case[] = [
  ['no source', 'sources: { kafka: { enabled: false } }', ['sources.kafka.enabled is false, and no other source']],
  [
    'SASL without mechanism',
    'kafka: { security: { protocol: SASL_SSL } }',
    ['drakkar.yaml:1:10: kafka.security.sasl_mechanism is required with protocol SASL_SSL'],
  ],
  [
    'a mechanism without SASL',
    'kafka: { security: { sasl_mechanism: PLAIN } }',
    ['needs protocol SASL_PLAINTEXT or SASL_SSL, not PLAINTEXT'],
  ],
  [
    'PLAIN without user',
    'kafka: { security: { protocol: SASL_SSL, sasl_mechanism: PLAIN } }',
    [
      'kafka.security.sasl_username is required with PLAIN',
      'kafka.security.sasl_password is required with PLAIN, or sasl_password_file',
    ],
  ],
  [
    'two passwords',
    'kafka: { security: { protocol: SASL_SSL, sasl_mechanism: PLAIN, sasl_username: u, sasl_password: p, sasl_password_file: /p } }',
    ['kafka.security.sasl_password_file and sasl_password are both given: leave one out'],
  ],
  [
    'a key without certificate',
    'kafka: { security: { protocol: SSL, ssl_key_location: /k } }',
    ['ssl_certificate_location is required with ssl_key_location'],
  ],
  [
    'heartbeats',
    'sources: { kafka: { session_timeout_ms: 3000 } }',
    ['drakkar.yaml:1:21: sources.kafka.heartbeat_interval_ms is 3000; it must be below session_timeout_ms (3000)'],
  ],
  [
    'polls',
    'sources: { kafka: { max_poll_interval_ms: 5000 } }',
    [
      'must not be below session_timeout_ms (10000)',
      'executor.drain_on_revoke_seconds is 15; it must be below sources.kafka.max_poll_interval_ms (5000 ms)',
    ],
  ],
  [
    'a drain',
    'executor: { drain_timeout_seconds: 600 }',
    ['executor.drain_timeout_seconds (now executor.drain_on_revoke_seconds) is 600', 'evicts the worker'],
  ],
  [
    'multipliers',
    'executor: { backpressure_high_multiplier: 2 }',
    ['backpressure_low_multiplier is 4; it must not be above backpressure_high_multiplier (2)'],
  ],
  ['back-off', 'executor: { retry_backoff_seconds: 60 }', ['must not be above retry_backoff_max_seconds (30)']],
  [
    'a regular expression',
    'sources: { kafka: { topic: "^jobs-(" } }',
    ['sources.kafka.topic[0] is "^jobs-(", which is no regular expression'],
  ],
  [
    'dead letters that are consumed',
    'sources: { kafka: { topic: [a, b] } }\ndlq: { topic: b }',
    ['drakkar.yaml:2:8: dlq.topic is "b", which is consumed too'],
  ],
  ['no folder', 'dlq: { oversize_dir: "" }', ['dlq.oversize_dir is empty']],
  ['no broker', 'kafka: { brokers: "a:9092,,b" }', ['kafka.brokers names no broker']],
  [
    'a reserved property',
    'kafka: { client_config: { enable.auto.commit: true } }',
    ['kafka.client_config.enable.auto.commit cannot be set here: the worker’s guarantees rest on it'],
  ],
  [
    'a property with a setting',
    'sinks: { kafka: { out: { topic: t, brokers: b, client_config: { linger.ms: 5 } } } }',
    ['use producer_linger_ms of the sink'],
  ],
]

const OLDER: readonly Case[] = [
  [
    'both names',
    'kafka: { source_topic: a }\nsources: { kafka: { topic: b } }',
    [
      'drakkar.yaml:1:10: kafka.source_topic is an older name of sources.kafka.topic, and both are set, to different values',
    ],
  ],
  [
    'a bad value under the older name',
    'kafka: { max_poll_records: none }',
    ['drakkar.yaml:1:10: kafka.max_poll_records (now sources.kafka.max_poll_records) is "none"'],
  ],
  [
    'HTTP source',
    'sources: { http: { enabled: true } }',
    ['sources.http.enabled is switched on, and this source is not available yet'],
  ],
  ['webapp', 'webapp: { enabled: true }', ['webapp.enabled is switched on']],
  [
    'ordering',
    'executor: { ordering: key }',
    ['drakkar.yaml:1:13: executor.ordering is not available yet; it changes what is guaranteed'],
  ],
  ['retry topics', 'kafka: { retry_topics: [a, b] }', ['kafka.retry_topics is not available yet']],
  [
    'transactions at a wrong place',
    'kafka: { transactional: true }',
    ['kafka.transactional has no effect here', 'it is a setting of Kafka sinks'],
  ],
  [
    'transactions in another cluster',
    'sinks: { kafka: { out: { topic: t, transactional: true, brokers: "other:9092" } } }',
    ['sinks.kafka.out.brokers is "other:9092": a transaction cannot span two clusters'],
  ],
  [
    'transactions with payloads that go out one by one',
    'delivery: batch\nsinks: { kafka: { out: { topic: t, transactional: true } } }',
    ['delivery is batch, and sinks.kafka.out is transactional'],
  ],
  [
    'transactions of two compressions',
    'sinks: { kafka: { out: { topic: t, transactional: true }, more: { topic: u, transactional: true, compression: none } } }',
    ['sinks.kafka.more.compression is none, and that of sinks.kafka.out is lz4'],
  ],
  [
    'transactions with offsets that are not decided',
    'kafka: { client_config: { isolation.level: read_uncommitted } }\nsinks: { kafka: { out: { topic: t, transactional: true } } }',
    ['kafka.client_config.isolation.level is read_uncommitted, and sinks.kafka.out is transactional'],
  ],
  ['atomic delivery at a wrong place', 'sinks: { delivery: atomic }', ['sinks.delivery has no effect here']],
  ['another delivery', 'delivery: exactly-once', ['delivery is not available yet']],
]

const SYNTAX: readonly Case[] = [
  ['a missing quote', 'executor:\n  binary_path: "x\n', ['drakkar.yaml:', 'Missing closing "quote']],
  ['a tab', 'executor:\n\tmax_executors: 4\n', ['drakkar.yaml:2:']],
  [
    'a key twice',
    'metrics: { port: 1 }\nmetrics: { port: 2 }',
    ['drakkar.yaml:2:1: Map keys must be unique', '\n      metrics: { port: 2 }\n      ^'],
  ],
  ['two documents', 'metrics: {}\n---\nmetrics: {}', ['multiple documents']],
  ['a list', '- a\n- b', ['drakkar.yaml:1:1: a configuration is made of sections']],
  ['a text', 'hello', ['this is one value']],
  ['an alias without anchor', 'metrics: *m', ['drakkar.yaml:1:10: the alias *m names no anchor before it']],
  ['an alias in itself', 'app: &a { b: *a }', ['drakkar.yaml:1:14: the alias *a stands inside of what it names']],
]

describe.each([
  ['unknown keys', UNKNOWN],
  ['values', VALUES],
  ['rules', RULES],
  ['older names and what is not there yet', OLDER],
  ['syntax', SYNTAX],
])('says what is wrong: %s', (_, cases) => {
  it.each(cases)('%s', async (_name, yaml, said) => {
    const message = await complaints(yaml)
    for (const fragment of said) expect(message).toContain(fragment)
  })
})

const ENVIRONMENT: readonly (readonly [name: string, env: LoadOptions['env'], said: string])[] = [
  [
    'a value',
    { DRAKKAR_METRICS__PORT: 'x' },
    'environment variable DRAKKAR_METRICS__PORT: metrics.port is "x"; it must be',
  ],
  ['an empty number', { DRAKKAR_METRICS__PORT: '' }, 'metrics.port is ""'],
  ['a setting', { DRAKKAR_EXECUTOR__MAX_EXECUTER: '1' }, 'did you mean DRAKKAR_EXECUTOR__MAX_EXECUTORS?'],
  ['the later prefix', { DK_EXECUTOR__MAX_EXECUTER: '1' }, 'did you mean DK_EXECUTOR__MAX_EXECUTORS?'],
  ['a section', { DRAKKAR_EXECUTER__WINDOW_SIZE: '1' }, 'executer is not a known setting'],
  [
    'one underscore',
    { DRAKKAR_METRICS_PORT: '1' },
    'DRAKKAR_METRICS_PORT names no setting; did you mean DRAKKAR_METRICS__PORT?',
  ],
  ['a top-level setting', { DK_CLUSTER_NAM: 'x' }, 'DK_CLUSTER_NAM names no setting; did you mean DK_CLUSTER_NAME?'],
  ['nothing like it', { DRAKKAR_XYZZY: '1' }, 'DRAKKAR_XYZZY names no setting; settings are written like'],
  [
    'both prefixes',
    { DRAKKAR_METRICS__PORT: '1', DK_METRICS__PORT: '2' },
    'DRAKKAR_METRICS__PORT ("1") and DK_METRICS__PORT ("2") name the same setting and differ',
  ],
  [
    'a hole in a list',
    { DRAKKAR_SOURCES__KAFKA__TOPIC__0: 'a', DRAKKAR_SOURCES__KAFKA__TOPIC__2: 'b' },
    'sources.kafka.topic is a section',
  ],
  [
    'not built',
    { DK_EXECUTOR__ORDERING: 'key' },
    'environment variable DK_EXECUTOR__ORDERING: executor.ordering is not available yet',
  ],
  [
    'an older name beside the newer',
    { DK_KAFKA__SOURCE_TOPIC: 'a', DRAKKAR_SOURCES__KAFKA__TOPIC: 'b' },
    'environment variable DK_KAFKA__SOURCE_TOPIC: kafka.source_topic is an older name',
  ],
]

describe('says what is wrong in the environment', () => {
  it.each(ENVIRONMENT)('%s', async (_, env, said) => {
    expect(await complaints('', env)).toContain(said)
  })

  it('both prefixes with secrets, which it does not show', async () => {
    const message = await complaints('', {
      DRAKKAR_KAFKA__SECURITY__SASL_PASSWORD: 'hunter2',
      DK_KAFKA__SECURITY__SASL_PASSWORD: 'hunter3',
    })
    expect(message).toContain('name the same setting and differ')
    expect(message).not.toContain('hunter')
  })
})

describe('a message as a whole', () => {
  it('tells every problem at once, in the order of the file, then the environment', async () => {
    const yaml = `
executor: { max_executors: eight, windw_size: 3, backpressure_low_multiplier: 64 }
dlq: { topic: input-events }
sinks:
  kafka: { out: {} }
metrics: { port: -1 }
`
    const message = await complaints(yaml, { DRAKKAR_LOGGING__LEVEL: 'loud' })
    expect(message.split('\n')).toEqual([
      'The configuration is not valid, 7 problems:',
      '  drakkar.yaml:2:13: executor.max_executors is "eight"; it must be a whole number, 1 or more',
      '  drakkar.yaml:2:35: executor.windw_size is not a known setting; did you mean executor.window_size?',
      '  drakkar.yaml:2:50: executor.backpressure_low_multiplier is 64; it must not be above backpressure_high_multiplier (32)',
      '  drakkar.yaml:3:8: dlq.topic is "input-events", which is consumed too: a dead letter would come back for ever',
      '  drakkar.yaml:5:12: sinks.kafka.out.topic is required: a text that is not empty',
      '  drakkar.yaml:6:12: metrics.port is -1; it must be a whole number from 0 to 65535',
      '  environment variable DRAKKAR_LOGGING__LEVEL: logging.level is "loud"; it must be one of DEBUG, INFO, WARNING, WARN, ERROR, CRITICAL',
    ])
  })

  it('never shows a secret', async () => {
    const yaml = `
kafka: { brokers: ["PLAINTEXT://bob:hunter2@h"], security: { protocol: nope, sasl_password: { a: hunter2 }, ssl_key_password: [hunter2] }, client_config: { sasl.password: [hunter2] } }
executor: { env: { WHATEVER: [hunter2] } }
`
    const message = await complaints(yaml, { DK_KAFKA__SECURITY__SASL_USERNAME__X: 'a' })
    expect(message).toContain('kafka.security.ssl_key_password')
    expect(message).not.toContain('hunter2')
    expect(await complaints('kafka:\n  security:\n    sasl_password: "hunter2\n')).not.toContain('hunter2')
  })

  it('names code as the place of what code says', async () => {
    const overrides = { executor: { maxExecutors: 0 } }
    expect(await complaints('', {}, overrides)).toContain('code: executor.max_executors is 0')
  })
})
