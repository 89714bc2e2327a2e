import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { embeddedBroker } from '../../src/testing/embedded-broker/index.ts'

const DOOR = join(import.meta.dirname, '..', '..', 'src', 'testing', 'embedded-broker', 'index.ts')

function accepts(address: string): Promise<boolean> {
  const [host, port] = address.split(':')
  return new Promise((resolve) => {
    const socket = connect(Number(port), host)
    socket.once('error', () => resolve(false))
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
}

/** The broker ends by itself a moment after its starter: looked at until it has. */
async function untilGone(address: string): Promise<void> {
  while (await accepts(address)) await new Promise((resolve) => setImmediate(resolve))
}

test('a cluster of the wanted size comes up, answers, and is gone after a stop', async () => {
  const broker = await embeddedBroker({ brokers: 2 })
  const addresses = broker.brokers.split(',')
  expect(addresses).toHaveLength(2)
  for (const address of addresses) expect(await accepts(address)).toBe(true)
  await Promise.all([broker.ensureTopic('one'), broker.ensureTopic('two'), broker.ensureTopic('one')])
  await Promise.all([broker.stop(), broker.stop()])
  await broker.stop()
  for (const address of addresses) expect(await accepts(address)).toBe(false)
  await expect(broker.ensureTopic('late')).rejects.toThrow()
})

test.each(['SIGKILL', 'its own end'] as const)('it ends with the process that started it: %s', async (how) => {
  const program = `
    import { embeddedBroker } from ${JSON.stringify(DOOR)}
    const broker = await embeddedBroker()
    process.stdout.write(broker.brokers)
    ${how === 'SIGKILL' ? 'setInterval(() => undefined, 1_000)' : ''}
  `
  const starter = spawn(process.execPath, ['--conditions=drakkar-src', '--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [told] = (await once(starter.stdout, 'data')) as [Buffer]
  const address = told.toString()
  if (how === 'SIGKILL') starter.kill('SIGKILL')
  await once(starter, 'exit')
  await untilGone(address)
  expect(await accepts(address)).toBe(false)
})
