import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { main } from '../../src/cli/command-line.ts'
import { exampleWorkers } from './pool-examples.ts'
import { FAULTY } from './pool-kit.ts'

async function conform(...args: readonly string[]): Promise<{ status: number; says: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const says = text(stdout)
  const complaints = text(stderr)
  const status = await main(['conform', ...args], { stdin: process.stdin, stdout, stderr, env: process.env })
  stdout.end()
  stderr.end()
  return { status, says: (await says) + (await complaints) }
}

const faulty = (always: string): Promise<{ status: number; says: string }> =>
  conform('--timeout', '1', process.execPath, '--', FAULTY, always)

describe('drakkar conform', () => {
  for (const { name, program, protocol, missing } of exampleWorkers) {
    it.skipIf(missing !== null)(
      `finds nothing wrong with the example in ${name}${missing === null ? '' : ` (${missing})`}`,
      async () => {
        const { status, says } = await conform('--protocol', protocol, program())
        expect(says).not.toContain('problem')
        expect(says).toContain('It keeps every rule of the protocol.')
        expect(status).toBe(0)
      },
    )
  }

  it.each([
    ['garbage-first', 'start', /rule `framing`.*Loading the model/],
    ['never-ready', 'start', /no pong within 1 s/],
    ['dies-at-start', 'start', /ended with exit code 3/],
    ['unasked', 'silence', /rule `unasked`/],
    ['unknown-id', 'task', /rule `unasked`.*never made/],
    ['twice', 'task', /rule `once`/],
    ['half-exit', 'task', /rule `whole`/],
    ['half-hang', 'task', /no answer within 1 s/],
    ['wrong-type', 'task', /rule `fields`/],
    ['not-an-object', 'task', /rule `fields`/],
    ['no-such-op', 'task', /rule `op`/],
    ['binary-noise', 'task', /rule `framing`/],
    ['endless', 'task', /no answer within 1 s/],
    ['ignores-term', 'task', /no answer within 1 s/],
    ['floods', 'task', /rule `size`/],
    ['closes-stdout', 'task', /no answer within 1 s/],
    ['dies-on-40', 'many', /at task 40 of 200: it ended with exit code 7/],
    ['after-bye', 'bye', /rule `bye`/],
    ['deaf-to-term', 'SIGTERM', /went on after SIGTERM/],
  ])('%s breaks the rule `%s`', async (always, rule, message) => {
    const { status, says } = await faulty(always)
    const line = says.split('\n').find((one) => one.startsWith('problem'))
    expect(line?.slice(9, 23).trim()).toBe(rule)
    expect(line).toMatch(message)
    expect(status).toBe(1)
  })

  it('shows what was sent and what came back', async () => {
    const { says } = await faulty('wrong-type')
    expect(says).toContain('sent   {"op":"task","id":2,"task":"sample-0","args":[]}')
    expect(says).toContain('got    {"id":2,"stdout":42}')
  })

  it('refuses a command line that makes no sense', async () => {
    expect(await conform()).toMatchObject({ status: 2, says: expect.stringContaining('no program to examine') })
    expect(await conform('--task', '{"args": 1}', 'x')).toMatchObject({ status: 2 })
  })
})
