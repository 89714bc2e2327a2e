import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { complaints, configFile, load } from '../../test/support/config-file.ts'
import { camelKeys, snakeKeys } from './camel-case.ts'
import { loadConfig, redactConfig, toYaml } from './index.ts'

const YAML = `
kafka: { brokers: "h:1", security: { protocol: SASL_SSL, sasl_mechanism: PLAIN, sasl_username: bob, sasl_password: hunter2 }, client_config: { ssl.key.pem: hunter2, sasl.oauthbearer.config: hunter2, socket.timeout.ms: 5 } }
executor: { env: { ANY: hunter2 }, env_inherit_deny: ["*TOKEN*"] }
sinks: { kafka: { tokens: { topic: t, ui_url: "https://bob:hunter2@h/x" }, env: { topic: u } } }
dlq: { brokers: "d:1", security: { protocol: SASL_SSL, sasl_mechanism: PLAIN, sasl_username: bob, sasl_password_file: /run/p } }
app: { api_token: hunter2, nested: [{ dsn: "pg://hunter2" }], url: "redis://:hunter2@h", text: "line\\nline: #", camelToken: hunter2 }
`

describe('redactConfig', () => {
  it('hides what is secret and nothing else', async () => {
    const { config } = await load(YAML)
    const shown = redactConfig(config)
    expect(JSON.stringify(shown)).not.toContain('hunter2')
    expect(shown.kafka.security).toMatchObject({ saslUsername: 'bob', saslPassword: '***', sslKeyPassword: '' })
    expect(shown.dlq.security).toMatchObject({ saslPassword: '', saslPasswordFile: '/run/p' })
    expect(shown.kafka.clientConfig).toEqual({
      'ssl.key.pem': '***',
      'sasl.oauthbearer.config': '***',
      'socket.timeout.ms': 5,
    })
    expect(shown.executor).toMatchObject({ env: { ANY: '***' }, envInheritDeny: ['*TOKEN*'] })
    expect(shown.sinks.kafka['tokens']).toMatchObject({ topic: 't', uiUrl: 'https://***@h/x' })
    expect(shown.sinks.kafka['env']).toMatchObject({ topic: 'u' })
    expect(config.kafka.security.saslPassword).toBe('hunter2')
  })
})

describe('toYaml', () => {
  it('is YAML in the names of the file that says the same', async () => {
    const { config } = await load(
      'app: { text: "line\\nline: # no", "odd: key": [1, null, { a_b: "x" }] }\nsinks: { kafka: { out: { topic: "0123" } } }',
    )
    const path = configFile(toYaml(config))
    expect((await loadConfig({ path, env: {} })).config).toEqual(config)
  })

  it('says where each value comes from', async () => {
    const loaded = await load('metrics: { port: 1 }', { DK_LOGGING__LEVEL: 'ERROR' }, { clusterName: 'x' })
    const text = toYaml(loaded.config, { origins: loaded })
    expect(text).toMatch(/^ {2}port: 1 +# .*drakkar\.yaml:1:12$/m)
    expect(text).toMatch(/^ {2}level: ERROR +# environment variable DK_LOGGING__LEVEL$/m)
    expect(text).toMatch(/^cluster_name: x +# code$/m)
    expect(text).toMatch(/^ {2}host: 0\.0\.0\.0 +# default$/m)
    expect(parse(text)).toMatchObject({ metrics: { port: 1 }, logging: { level: 'ERROR' } })
  })
})

describe('names', () => {
  it('come back as they were, the user’s own ones untouched', async () => {
    const { config } = await load(YAML)
    expect(camelKeys(snakeKeys(config))).toEqual(config)
  })

  it('code may use those of the file too', async () => {
    expect(await complaints('', {}, { executor: { max_executors: 0 } } as object)).toContain(
      'executor.max_executors is 0',
    )
  })
})
