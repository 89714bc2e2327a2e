import { describe, expect, it } from 'vitest'
import { configFile, load } from '../../test/support/config-file.ts'
import { loadConfig } from './index.ts'

const fixture = (name: string): string => new URL(`../../test/fixtures/configs/${name}.yaml`, import.meta.url).pathname
const fromFixture = (name: string): ReturnType<typeof loadConfig> => loadConfig({ path: fixture(name), env: {} })

describe('configurations that people have today', () => {
  it('minimal: older names', async () => {
    const { config, notices } = await fromFixture('minimal')
    expect(config.kafka.brokers).toBe('localhost:9092')
    expect(config.sources.kafka).toMatchObject({ topic: ['job-requests'], consumerGroup: 'job-workers', enabled: true })
    expect(config.executor).toMatchObject({
      binaryPath: '/usr/local/bin/solver',
      maxExecutors: 8,
      taskTimeoutSeconds: 60,
    })
    expect(Object.keys(config.sinks.kafka)).toEqual(['output'])
    expect(config.sinks.kafka['output']?.topic).toBe('job-results')
    expect(Object.keys(config.sinks.postgres)).toEqual(['main'])
    expect(notices).toEqual([])
  })

  it('newer names', async () => {
    const { config, notices } = await fromFixture('newer-names')
    expect(config.sources.kafka).toMatchObject({
      topic: ['job-requests'],
      consumerGroup: 'job-workers',
      onParseError: 'dlq',
      maxPollRecords: 500,
    })
    expect(config.dlq).toMatchObject({ topic: 'job-dead', onSendFailure: 'stall' })
    expect(config.metrics).toMatchObject({ enabled: true, port: 9090 })
    expect(config.logging.level).toBe('INFO')
    expect(notices.map((notice) => notice.split(' ')[0])).toEqual(['ui', 'storage'])
  })

  it('fast tasks', async () => {
    const { config } = await fromFixture('fast-tasks')
    expect(config.executor).toMatchObject({
      maxExecutors: 64,
      windowSize: 200,
      taskTimeoutSeconds: 30,
      backpressureHighMultiplier: 16,
      backpressureLowMultiplier: 4,
    })
    expect(config.sources.kafka.maxPollRecords).toBe(500)
  })

  it('slow tasks', async () => {
    const { config } = await fromFixture('slow-tasks')
    expect(config.executor).toMatchObject({ maxExecutors: 8, windowSize: 20, taskTimeoutSeconds: 300 })
    expect(config.sources.kafka.maxPollRecords).toBe(100)
  })

  it('very slow tasks: one drain limit sets both', async () => {
    const { config, origin } = await fromFixture('very-slow-tasks')
    expect(config.executor).toMatchObject({
      maxExecutors: 16,
      windowSize: 5,
      maxRetries: 2,
      drainOnRevokeSeconds: 30,
      drainOnStopSeconds: 30,
    })
    expect(config.sources.kafka).toMatchObject({
      maxPollRecords: 20,
      sessionTimeoutMs: 60_000,
      maxPollIntervalMs: 600_000,
    })
    expect(origin('executor.drain_on_revoke_seconds')).toMatch(/very-slow-tasks\.yaml:6:3$/)
  })
})

describe('defaults', () => {
  it.each([
    ['no file', undefined],
    ['an empty file', ''],
    ['comments only', '# nothing\n'],
    ['empty sections', 'kafka:\nexecutor:\nsinks:\n  kafka:\n'],
  ])('%s', async (_, yaml) => {
    const { config, notices, file } = await loadConfig({
      env: {},
      path: yaml === undefined ? undefined : configFile(yaml),
    })
    expect(config.sources.kafka).toMatchObject({
      topic: ['input-events'],
      sessionTimeoutMs: 10_000,
      onParseError: 'dlq',
      startupAlignEnabled: false,
    })
    expect(config.executor).toMatchObject({
      drainOnRevokeSeconds: 15,
      drainOnStopSeconds: 30,
      maxStdoutBytes: 1_048_576,
      onOutputCap: 'fail',
      launchers: 'auto',
    })
    expect(config.executor.envInheritDeny).toEqual(expect.arrayContaining(['DRAKKAR_*', 'DK_*', '*PASSWORD*', '*_KEY']))
    expect(config.sinks.circuitBreaker.cooldownSeconds).toBe(5)
    expect('binaryPath' in config.executor).toBe(false)
    expect(notices).toEqual([])
    expect(file === undefined).toBe(yaml === undefined)
  })
})

describe('precedence', () => {
  const yaml =
    'executor: { max_executors: 2, window_size: 2, env: { A: file, B: file } }\nsources: { kafka: { topic: [a, b] } }'
  const env = {
    DRAKKAR_EXECUTOR__WINDOW_SIZE: '3',
    DK_EXECUTOR__MAX_RETRIES: '7',
    DRAKKAR_EXECUTOR__ENV__B: 'env',
    DK_SOURCES__KAFKA__TOPIC: 'c',
  }

  it('defaults < file < environment < code, setting by setting; lists are replaced', async () => {
    const { config, origin } = await load(yaml, env, { executor: { maxRetries: 9 } })
    expect(config.executor).toMatchObject({
      maxExecutors: 2,
      windowSize: 3,
      maxRetries: 9,
      killGraceSeconds: 5,
      env: { A: 'file', B: 'env' },
    })
    expect(config.sources.kafka.topic).toEqual(['c'])
    expect(origin('executor.max_executors')).toMatch(/drakkar\.yaml:1:13$/)
    expect(origin('executor.window_size')).toBe('environment variable DRAKKAR_EXECUTOR__WINDOW_SIZE')
    expect(origin('executor.max_retries')).toBe('code')
    expect(origin('executor.kill_grace_seconds')).toBe('default')
    expect(origin('sources.kafka.topic[0]')).toBe('environment variable DK_SOURCES__KAFKA__TOPIC')
  })

  it('an older name in a later layer goes over a newer one in an earlier', async () => {
    const { config } = await load('sources: { kafka: { topic: a } }\nexecutor: { drain_on_stop_seconds: 20 }', {
      DRAKKAR_KAFKA__SOURCE_TOPIC: 'b',
      DRAKKAR_EXECUTOR__DRAIN_TIMEOUT_SECONDS: '9',
    })
    expect(config.sources.kafka.topic).toEqual(['b'])
    expect(config.executor).toMatchObject({ drainOnRevokeSeconds: 9, drainOnStopSeconds: 9 })
  })

  it('the one drain limit gives way to the particular ones beside it', async () => {
    const { config } = await load('executor: { drain_timeout_seconds: 12, drain_on_stop_seconds: 40 }')
    expect(config.executor).toMatchObject({ drainOnRevokeSeconds: 12, drainOnStopSeconds: 40 })
  })
})

describe('what a file may say', () => {
  it('both names with the same value', async () => {
    const { config } = await load(
      'kafka: { source_topic: a, max_poll_records: 7 }\nsources: { kafka: { topic: [a], max_poll_records: 7 } }',
    )
    expect(config.sources.kafka).toMatchObject({ topic: ['a'], maxPollRecords: 7 })
  })

  it('numbers and booleans for texts, as they are spelled; texts for numbers; any case of a choice', async () => {
    const { config } = await load(`
executor: { env: { PORT: 8080, ZEROS: 007, FLAG: yes, ON: true }, max_executors: "8", launchers: "2" }
sources: { kafka: { topic: 0123, on_parse_error: DLQ } }
logging: { level: debug }
kafka: { client_config: { socket.keepalive.enable: true, socket.timeout.ms: 6000 } }
`)
    expect(config.executor.env).toEqual({ PORT: '8080', ZEROS: '007', FLAG: 'yes', ON: 'true' })
    expect(config.executor).toMatchObject({ maxExecutors: 8, launchers: 2 })
    expect(config.sources.kafka).toMatchObject({ topic: ['0123'], onParseError: 'dlq' })
    expect(config.logging.level).toBe('DEBUG')
    expect(config.kafka.clientConfig).toEqual({ 'socket.keepalive.enable': true, 'socket.timeout.ms': 6000 })
  })

  it('the user’s own names stay as they are: app, env, client_config, instances', async () => {
    const { config } = await load(`
app: { my_section: { some_key: [1, { deep_key: null }] } }
executor: { env: { my_var: x } }
sinks: { kafka: { my_out: { topic: t }, env: { topic: u, max_batch_records: 3 } } }
`)
    expect(config.app).toEqual({ my_section: { some_key: [1, { deep_key: null }] } })
    expect(config.executor.env).toEqual({ my_var: 'x' })
    expect(Object.keys(config.sinks.kafka)).toEqual(['my_out', 'env'])
    expect(config.sinks.kafka['env']).toMatchObject({ topic: 'u', maxBatchRecords: 3 })
  })

  it('anchors, aliases and merge keys', async () => {
    const { config, origin } = await load(`
sinks:
  kafka:
    a: &base { topic: t, compression: zstd }
    b: { <<: *base, topic: u }
`)
    expect(config.sinks.kafka['b']).toMatchObject({ topic: 'u', compression: 'zstd' })
    expect(origin('sinks.kafka.b.topic')).toMatch(/:5:21$/)
  })

  it('the ancestor’s parse error policy `raise` is `hold`', async () => {
    const { config } = await load('sources: { kafka: { on_parse_error: raise } }')
    expect(config.sources.kafka.onParseError).toBe('hold')
  })

  it('options that change guarantees, where they ask for nothing', async () => {
    const { config } = await load(
      'executor: { ordering: none }\nkafka: { retry_topics: [] }\nsinks: { kafka: { out: { topic: t, transactional: false } } }\nsources: { http: { enabled: false } }',
    )
    expect(config.sinks.kafka['out']?.topic).toBe('t')
  })

  it('sections that are not there yet, with any content, also in the environment', async () => {
    const { notices } = await load('ui: [1, "${NOT_SET}"]\nmetrics: { task_label_histograms: [a] }', {
      DK_CACHE__ENABLED: 'true',
    })
    expect(notices.map((notice) => notice.replace(/\(\S*\//, '('))).toEqual([
      'ui (drakkar.yaml:1:1): known, not available yet: it has no effect',
      'metrics.task_label_histograms (drakkar.yaml:2:12): known, not available yet: it has no effect',
      'cache (environment variable DK_CACHE__ENABLED): known, not available yet: it has no effect',
    ])
  })

  it('security without own brokers counts for nothing, and is said to', async () => {
    const { notices } = await load(
      'dlq: { client_config: { socket.timeout.ms: 5 } }\nsinks: { kafka: { out: { topic: t, security: { protocol: SSL } } } }',
    )
    expect(notices).toEqual([
      expect.stringMatching(/^dlq\.client_config counts only/),
      expect.stringMatching(/^sinks\.kafka\.out\.security counts only/),
    ])
  })
})

describe('where the file is', () => {
  it('is what the environment names, with either prefix', async () => {
    for (const name of ['DRAKKAR_CONFIG', 'DK_CONFIG']) {
      const { config } = await loadConfig({ env: { [name]: configFile('cluster_name: north') } })
      expect(config.clusterName).toBe('north')
    }
  })

  it('a path that is given goes over the environment', async () => {
    const { config } = await loadConfig({
      path: configFile('cluster_name: given'),
      env: { DRAKKAR_CONFIG: '/nowhere.yaml' },
    })
    expect(config.clusterName).toBe('given')
  })

  it('a file that cannot be read is an error of its own', async () => {
    await expect(loadConfig({ path: '/nowhere/drakkar.yaml', env: {} })).rejects.toMatchObject({
      code: 'CONFIG_NOT_FOUND',
      message: expect.stringContaining('/nowhere/drakkar.yaml cannot be read: ENOENT'),
    })
    await expect(loadConfig({ path: '/', env: {} })).rejects.toMatchObject({ code: 'CONFIG_NOT_FOUND' })
  })

  it('two names that differ are a problem', async () => {
    await expect(loadConfig({ env: { DRAKKAR_CONFIG: configFile(''), DK_CONFIG: '/other.yaml' } })).rejects.toThrow(
      'name the same setting and differ',
    )
  })
})

describe('cluster_name_env', () => {
  it('names the variable that counts where it is set', async () => {
    const yaml = 'cluster_name: file\ncluster_name_env: REGION'
    const set = await load(yaml, { REGION: 'north' })
    expect([set.config.clusterName, set.origin('cluster_name')]).toEqual(['north', 'environment variable REGION'])
    expect((await load(yaml)).config.clusterName).toBe('file')
  })
})
