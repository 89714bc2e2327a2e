import { describe, expect, it } from 'vitest'
import { load } from '../../test/support/config-file.ts'
import { loadConfig } from './index.ts'

describe('settings from the environment', () => {
  it('reads numbers, booleans, choices and texts', async () => {
    const { config } = await loadConfig({
      env: {
        DRAKKAR_EXECUTOR__MAX_EXECUTORS: '16',
        DK_METRICS__ENABLED: 'no',
        DK_LOGGING__LEVEL: 'warning',
        DRAKKAR_EXECUTOR__RETRY_BACKOFF_SECONDS: '1e-1',
        DRAKKAR_CLUSTER_NAME: '42',
        DRAKKAR_EXECUTOR__BINARY_PATH: '',
        DRAKKAR_EXECUTOR__LAUNCHERS: 'AUTO',
      },
    })
    expect(config.executor).toMatchObject({ maxExecutors: 16, retryBackoffSeconds: 0.1, launchers: 'auto' })
    expect(config.executor.binaryPath).toBeUndefined()
    expect(config).toMatchObject({ clusterName: '42', metrics: { enabled: false }, logging: { level: 'WARNING' } })
  })

  it.each([
    ['commas', { DRAKKAR_SOURCES__KAFKA__TOPIC: 'a, b ,c' }],
    ['JSON', { DRAKKAR_SOURCES__KAFKA__TOPIC: '["a","b","c"]' }],
    [
      'indexes',
      {
        DRAKKAR_SOURCES__KAFKA__TOPIC__0: 'a',
        DK_SOURCES__KAFKA__TOPIC__2: 'c',
        DRAKKAR_SOURCES__KAFKA__TOPIC__1: 'b',
      },
    ],
    ['the older name', { DRAKKAR_KAFKA__SOURCE_TOPIC: 'a,b,c' }],
  ])('reads lists: %s', async (_, env) => {
    expect((await loadConfig({ env })).config.sources.kafka.topic).toEqual(['a', 'b', 'c'])
  })

  it('makes instances, and finds those of the file whatever their spelling', async () => {
    const env = { DRAKKAR_SINKS__KAFKA__NEW__TOPIC: 'n', DRAKKAR_SINKS__KAFKA__RESULTS__TOPIC: 'r' }
    const { config } = await load('sinks: { kafka: { Results: { topic: old, compression: gzip } } }', env)
    expect(config.sinks.kafka['Results']).toMatchObject({ topic: 'r', compression: 'gzip' })
    expect(config.sinks.kafka['new']).toMatchObject({ topic: 'n' })
  })

  it('keeps the names of variables for programs, and turns those of the client into its own', async () => {
    const { config } = await loadConfig({
      env: {
        DK_EXECUTOR__ENV__MyVar: 'x',
        DK_EXECUTOR__ENV__API_PORT: 'tcp://x',
        DK_EXECUTOR__ENV__API_SERVICE_HOST: 'y',
        DK_KAFKA__CLIENT_CONFIG__SOCKET_KEEPALIVE_ENABLE: 'true',
        DK_DLQ__BROKERS: 'd:1',
        'DK_DLQ__CLIENT_CONFIG__socket.timeout.ms': '9',
      },
    })
    expect(config.executor.env).toEqual({ MyVar: 'x', API_PORT: 'tcp://x', API_SERVICE_HOST: 'y' })
    expect(config.kafka.clientConfig).toEqual({ 'socket.keepalive.enable': 'true' })
    expect(config.dlq.clientConfig).toEqual({ 'socket.timeout.ms': '9' })
  })

  it('takes a section as JSON; the particular setting goes over it', async () => {
    const { config } = await loadConfig({
      env: { DRAKKAR_EXECUTOR: '{"max_executors":2,"window_size":3}', DRAKKAR_EXECUTOR__WINDOW_SIZE: '4' },
    })
    expect(config.executor).toMatchObject({ maxExecutors: 2, windowSize: 4 })
  })

  it('takes the same value under both prefixes', async () => {
    expect((await loadConfig({ env: { DRAKKAR_METRICS__PORT: '1', DK_METRICS__PORT: '1' } })).config.metrics.port).toBe(
      1,
    )
  })

  it('leaves alone what is not meant for it: tools, and what Kubernetes makes for services called drakkar', async () => {
    const env = {
      DRAKKAR_SETUP_APT: '1',
      DRAKKAR_KAFKA: '/opt/kafka',
      DRAKKAR_SERVICE_HOST: '10.0.0.1',
      DRAKKAR_SERVICE_PORT: '80',
      DRAKKAR_SERVICE_PORT_HTTP: '80',
      DRAKKAR_PORT: 'tcp://10.0.0.1:80',
      DRAKKAR_METRICS_PORT: 'tcp://10.0.0.1:80',
      DRAKKAR_PORT_80_TCP: 'tcp://10.0.0.1:80',
      DRAKKAR_PORT_80_TCP_ADDR: '10.0.0.1',
      OTHER_EXECUTOR__MAX_EXECUTORS: '3',
    }
    const { config } = await loadConfig({ env })
    expect(config.executor.maxExecutors).toBe(4)
  })
})
