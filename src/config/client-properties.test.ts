import { describe, expect, it } from 'vitest'
import { load } from '../../test/support/config-file.ts'
import { clientProperties } from './index.ts'

const SECURED = `
kafka:
  brokers: a:9092,b:9092
  security: { protocol: SASL_SSL, sasl_mechanism: SCRAM-SHA-512, sasl_username: bob, sasl_password: hunter2, ssl_ca_location: /ca.pem }
  client_config: { socket.timeout.ms: 6000 }
sinks:
  kafka:
    shared: { topic: t }
    own: { topic: t, brokers: c:9092, client_config: { debug: broker } }
    tls: { topic: t, brokers: d:9093, security: { protocol: SSL, ssl_certificate_location: /c, ssl_key_location: /k, ssl_endpoint_identification_algorithm: none } }
`

describe('clientProperties', () => {
  it('are librdkafka’s names, client_config last', async () => {
    const { config } = await load(SECURED)
    const expected = {
      'bootstrap.servers': 'a:9092,b:9092',
      'security.protocol': 'sasl_ssl',
      'sasl.mechanism': 'SCRAM-SHA-512',
      'sasl.username': 'bob',
      'sasl.password': 'hunter2',
      'ssl.ca.location': '/ca.pem',
      'socket.timeout.ms': 6000,
    }
    expect(clientProperties(config.kafka)).toEqual(expected)
    expect(clientProperties(config.kafka, config.sinks.kafka['shared'])).toEqual(expected)
  })

  it('name the file with the password where there is one', async () => {
    const { config } = await load(SECURED.replace('sasl_password: hunter2', 'sasl_password_file: /run/p'))
    expect(clientProperties(config.kafka)).toMatchObject({ 'sasl.username': 'bob', 'sasl.password.file': '/run/p' })
    expect(clientProperties(config.kafka)).not.toHaveProperty('sasl.password')
  })

  it('never give the shared credentials to a client with brokers of its own', async () => {
    const { config } = await load(SECURED)
    expect(clientProperties(config.kafka, config.sinks.kafka['own'])).toEqual({
      'bootstrap.servers': 'c:9092',
      debug: 'broker',
    })
    expect(clientProperties(config.kafka, config.sinks.kafka['tls'])).toEqual({
      'bootstrap.servers': 'd:9093',
      'security.protocol': 'ssl',
      'ssl.certificate.location': '/c',
      'ssl.key.location': '/k',
      'ssl.endpoint.identification.algorithm': 'none',
    })
  })

  it('say nothing of security where there is none', async () => {
    const { config } = await load('')
    expect(clientProperties(config.kafka, config.dlq)).toEqual({ 'bootstrap.servers': 'localhost:9092' })
  })
})
