import { expect, it } from 'vitest'
import { forgetStart, type Started, startAgain } from './start-again.ts'

const run: Started = {
  platform: 'linux',
  argv: ['/usr/bin/node', '/app/drakkar.cjs', 'run', 'handler.ts', '-c', 'drakkar.yaml'],
  execArgv: ['--enable-source-maps'],
  env: { PATH: '/bin' },
}

it('gives the worker fewer heaps and a small young generation, with all that it was started with', () => {
  const again = startAgain(run)
  expect(again?.argv).toEqual([
    '/usr/bin/node',
    '--enable-source-maps',
    '--max-semi-space-size=4',
    '/app/drakkar.cjs',
    'run',
    'handler.ts',
    '-c',
    'drakkar.yaml',
  ])
  expect(again?.env).toMatchObject({ PATH: '/bin', MALLOC_ARENA_MAX: '2' })
})

it('happens once, and leaves nothing in the environment of the programs', () => {
  const env = { ...startAgain(run)?.env }
  expect(startAgain({ ...run, env })).toBeNull()
  forgetStart(env)
  expect(env).toEqual(run.env)
})

it('leaves alone what somebody set, also in the environment of the programs', () => {
  const env: Record<string, string | undefined> = { MALLOC_ARENA_MAX: '8' }
  expect(startAgain({ ...run, env })).toBeNull()
  forgetStart(env)
  expect(env).toEqual({ MALLOC_ARENA_MAX: '8' })
  const own = startAgain({ ...run, env: { NODE_OPTIONS: '--max-semi-space-size=32' } })
  expect(own?.argv).not.toContain('--max-semi-space-size=4')
})

it.each([
  ['another command', { argv: ['/usr/bin/node', '/app/drakkar.cjs', 'status'] }],
  ['another system', { platform: 'darwin' }],
  ['a debugger', { execArgv: ['--inspect-brk'] }],
  ['a parent that talks to it', { connected: true }],
])('does not happen for %s', (_, change) => {
  expect(startAgain({ ...run, ...change })).toBeNull()
})
