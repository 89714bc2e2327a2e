import { describe, expect, it } from 'vitest'
import { complaints, configFile, load } from '../../test/support/config-file.ts'
import { loadConfig, toYaml } from './index.ts'
import { interpolated } from './interpolate.ts'

const env = { NAME: 'bob', EMPTY: '', PORT: '9191', TOPICS: 'a,b', OFF: 'false' }
const from = {
  env,
  read: (path: string): string => {
    if (path === '/run/secrets/x') return 'hunter2\n'
    throw new Error('ENOENT')
  },
}

describe('interpolated', () => {
  it.each([
    ['plain', 'plain'],
    ['${NAME}', 'bob'],
    ['a-${NAME}-${PORT}', 'a-bob-9191'],
    ['${EMPTY}', ''],
    ['${NOPE:-x y}', 'x y'],
    ['${EMPTY:-x}', 'x'],
    ['${NAME:-x}', 'bob'],
    ['${NOPE:-}', ''],
    ['$${NAME}', '${NAME}'],
    ['$$${NAME}', '$${NAME}'],
    ['^a{2}$', '^a{2}$'],
    ['$NAME', '$NAME'],
    ['${file:/run/secrets/x}', 'hunter2'],
    ['u:${file:/run/secrets/x}@h', 'u:hunter2@h'],
  ])('%s is %s', (text, expected) => {
    expect(interpolated(text, from)).toMatchObject({ text: expected, problems: [] })
  })

  it.each([
    ['${NOPE}', 'needs the environment variable NOPE, which is not set'],
    ['${constructor}', 'needs the environment variable constructor'],
    ['${file:/nope}', 'needs the file /nope, which cannot be read: ENOENT'],
    ['${NAME', 'has ${ without }'],
    ['${}', 'has ${}'],
    ['${NAME?x}', 'has ${NAME?x}; use ${NAME}'],
    ['${a b}', 'has ${a b}'],
  ])('%s %s', (text, problem) => {
    expect(interpolated(text, from).problems).toEqual([expect.stringContaining(problem)])
  })

  it('what came in is not looked at again', () => {
    expect(interpolated('${X}', { ...from, env: { X: '${NAME}' } }).text).toBe('${NAME}')
  })
})

describe('in a file', () => {
  it('gives what stands alone the form of its setting', async () => {
    const { config } = await load(
      'metrics: { port: "${PORT}", enabled: "${OFF}" }\nsources: { kafka: { topic: "${TOPICS}" } }\nexecutor: { max_executors: "${N:-12}", binary_path: "${EMPTY}" }',
      env,
    )
    expect(config.metrics).toMatchObject({ port: 9191, enabled: false })
    expect(config.sources.kafka.topic).toEqual(['a', 'b'])
    expect(config.executor.maxExecutors).toBe(12)
    expect(config.executor.binaryPath).toBeUndefined()
  })

  it('says where something is missing, and nothing more about that setting', async () => {
    const message = await complaints('metrics:\n  port: "${NOPE}"\nsinks: { kafka: { o: { topic: "${NEITHER}" } } }')
    expect(message.split('\n').slice(1)).toEqual([
      '  drakkar.yaml:2:3: metrics.port needs the environment variable NOPE, which is not set; ${NOPE:-default} would give it a default',
      '  drakkar.yaml:3:24: sinks.kafka.o.topic needs the environment variable NEITHER, which is not set; ${NEITHER:-default} would give it a default',
    ])
  })

  it('reads files beside the configuration, and never shows what was in them', async () => {
    const path = configFile('cluster_name: "${file:name}"\nmetrics: { port: "${file:name}" }', { name: 'hunter2\n' })
    await expect(loadConfig({ path, env: {} })).rejects.toThrow('metrics.port is ***; it must be')
    const loaded = await loadConfig({
      path: configFile('cluster_name: "${file:name}"', { name: 'hunter2\r\n' }),
      env: {},
    })
    expect(loaded.config.clusterName).toBe('hunter2')
    expect(loaded.isSecret('cluster_name')).toBe(true)
    expect(toYaml(loaded.config, { origins: loaded })).toMatch(/^cluster_name: "\*\*\*" +# .*drakkar\.yaml:1:1$/m)
  })
})
