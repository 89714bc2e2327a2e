import { expect, test } from 'vitest'
import { loadConfig } from './load.ts'

const deliveryOf = async (written: string | undefined): Promise<string> => {
  const env = written === undefined ? {} : { DRAKKAR_DELIVERY: written }
  return (await loadConfig({ env })).config.delivery
}

test('payloads go out as they come, unless they are asked to go out together', async () => {
  expect(await Promise.all([undefined, 'batch', 'at-least-once', 'atomic', 'ATOMIC'].map(deliveryOf))).toEqual([
    'batch',
    'batch',
    'batch',
    'atomic',
    'atomic',
  ])
})

test('transactional sinks imply that payloads go out together', async () => {
  const { config } = await loadConfig({
    env: {},
    overrides: { sinks: { kafka: { out: { topic: 't', transactional: true } } } },
  })
  expect(config.delivery).toBe('atomic')
})
