import { expect, test } from 'vitest'
import { DrakkarError } from '../../../../model/index.ts'
import { loadClient } from './load.ts'

function adviceFor(error: unknown): string {
  try {
    loadClient(() => {
      throw error
    })
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(DrakkarError)
    expect(thrown).toMatchObject({ code: 'CLIENT_MISSING', exitCode: 3, cause: error })
    return (thrown as DrakkarError).advice ?? ''
  }
  throw new Error('it loaded')
}

test('a client that cannot be loaded is explained with its three causes and their commands', () => {
  const blocked = adviceFor(new Error('Could not locate the bindings file. Tried:\n → /x\n → /y'))
  const abi = adviceFor(
    Object.assign(new Error('compiled against NODE_MODULE_VERSION 115'), { code: 'ERR_DLOPEN_FAILED' }),
  )
  for (const advice of [blocked, abi]) {
    expect(advice).toMatch(/npm install-scripts approve @confluentinc\/kafka-javascript/)
    expect(advice).toMatch(/CKJS_LINKING=dynamic npm rebuild/)
    expect(advice).toMatch(/npm_config_nodedir= npm rebuild/)
    expect(advice).toContain(process.version)
  }
  expect(blocked).toMatch(/1\. its install script was blocked/)
  expect(abi).toMatch(/1\. it was built for another Node/)
})

test('the client is there', () => {
  const client = loadClient()
  expect(client.librdkafkaVersion).toMatch(/^2\./)
  expect(client.err2str(-150)).toBe('Local: Fatal error')
  expect(loadClient()).toBe(client)
})
