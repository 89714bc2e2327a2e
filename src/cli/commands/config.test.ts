import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { configFile } from '../../../test/support/config-file.ts'
import { configCommand } from './config.ts'

async function run(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number; out: string; err: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const code = await configCommand(args, { stdout, stderr, env })
  return { code, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') }
}

describe('drakkar config', () => {
  it('check says ok, with what is probably not meant and what is not there yet', async () => {
    const path = configFile(
      'cache: { enabled: true }\nexecutor: { max_executors: 999 }\nsinks: { kafka: { o: { topic: t } } }',
    )
    const { code, out, err } = await run(['check', path])
    expect([code, err]).toEqual([0, ''])
    expect(out.split('\n')).toEqual([
      expect.stringMatching(/^warning: executor\.max_executors is 999 and this machine has \d+ CPUs/),
      expect.stringMatching(/^notice: cache \(.*drakkar\.yaml:1:1\): known, not available yet/),
      `ok: ${path} is valid`,
      '',
    ])
  })

  it('check says everything that is wrong, and 2', async () => {
    const path = configFile('executer: {}\nmetrics: { port: -1 }')
    const { code, out, err } = await run(['check', '-c', path], { DRAKKAR_LOGGING__LEVEL: 'x' })
    expect([code, out]).toEqual([2, ''])
    expect(err.split('\n')).toHaveLength(5)
    expect(err).toContain('did you mean executor?')
  })

  it('check takes the file of the environment, and says when there is none', async () => {
    expect((await run(['check'], { DK_CONFIG: configFile('metrics: { port: 7 }') })).out).toMatch(
      /drakkar\.yaml is valid\n$/,
    )
    expect((await run(['check'])).out).toMatch(/no file was named\n$/)
  })

  it('show prints the whole configuration, without secrets', async () => {
    const path = configFile(
      'kafka: { security: { protocol: SASL_SSL, sasl_mechanism: PLAIN, sasl_username: u, sasl_password: "${PW}" } }',
    )
    const { code, out } = await run(['show', path], { PW: 'hunter2' })
    expect(code).toBe(0)
    expect(out).toMatch(/sasl_password: "\*\*\*" +# .*drakkar\.yaml:1:\d+$/m)
    expect(out).not.toContain('hunter2')
  })

  it('schema prints JSON', async () => {
    const { code, out } = await run(['schema'])
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ title: 'Drakkar configuration', additionalProperties: false })
  })

  it('--help explains, wrong usage is refused', async () => {
    expect(await run(['--help'])).toMatchObject({
      code: 0,
      out: expect.stringContaining('Usage: drakkar config check'),
    })
    for (const args of [[], ['chekc'], ['check', 'a', 'b'], ['check', 'a', '-c', 'b'], ['schema', 'a']]) {
      await expect(run(args)).rejects.toMatchObject({ code: 'USAGE' })
    }
    await expect(run(['show', '/nowhere.yaml'])).rejects.toMatchObject({ code: 'CONFIG_NOT_FOUND' })
  })
})
