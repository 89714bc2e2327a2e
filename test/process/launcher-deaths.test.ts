import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { startLaunchers } from '../../src/flow/executor/index.ts'
import { systemClock } from '../../src/lib/index.ts'
import { deathsSuite, socketFolders } from './launcher-deaths-suite.ts'
import { LAUNCHERS } from './launcher-kit.ts'

for (const tested of LAUNCHERS) deathsSuite(tested)

describe('a start that fails', () => {
  const options = { env: process.env, clock: systemClock, announce: () => undefined, failed: () => undefined }

  it('says so, and leaves nothing', async () => {
    const start = startLaunchers({ ...options, program: '/no/such/launcher.js' })
    await expect(start).rejects.toMatchObject({ code: 'LAUNCHER_FAILED', exitCode: 3 })
    expect(socketFolders()).toEqual([])
  })

  it('does not wait for ever', async () => {
    const sleeper = fileURLToPath(new URL('../programs/never-ready.mjs', import.meta.url))
    const start = startLaunchers({ ...options, program: sleeper, startTimeoutMs: 300 })
    await expect(start).rejects.toThrow('said nothing for 0.3 s')
  })
})
