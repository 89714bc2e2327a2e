import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { freePort } from '../support/free-port.ts'

const firstOfClients = Number(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split('\t')[0])

// First, while no other test has been given a port: of two such neighbours only one pair fits into the range.
test('a port with a neighbour that is taken is not given', async () => {
  const [first, last] = [11_000, 32_767]
  const neighbour = createServer()
  // Where something else listens there already, that is as good.
  await new Promise<void>((resolve) => {
    neighbour.once('error', () => resolve())
    neighbour.listen(last, '127.0.0.1', resolve)
  })
  onTestFinished(() => void neighbour.close())
  await expect(freePort(last - first)).rejects.toThrow('no free port of 127.0.0.1 between 11000 and 32767')
})

test.skipIf(firstOfClients < 32_768)('no connection takes a port from a server that is not there yet', async () => {
  const ports = await Promise.all(Array.from({ length: 200 }, () => freePort(1, 10_000)))
  expect(ports.filter((port) => port + 10_000 >= firstOfClients)).toEqual([])
})

test('no port is given twice, neither a neighbour', async () => {
  const ports = await Promise.all(Array.from({ length: 200 }, () => freePort(1)))
  expect(new Set(ports.flatMap((port) => [port, port + 1])).size).toBe(400)
})
