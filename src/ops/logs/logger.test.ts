import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DrakkarError } from '../../model/index.ts'
import { parseLevel } from './level.ts'
import { createLogger, type LoggerOptions } from './logger.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'drakkar-logs-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const base = { level: 'info', format: 'json', serviceVersion: '1', workerId: 'a/b' } as const

function read(path: string): Record<string, unknown>[] {
  const text = readFileSync(path, 'utf8').trimEnd()
  return text === '' ? [] : text.split('\n').map((line) => JSON.parse(line) as Record<string, unknown>)
}

/** Runs a program that logs, and answers what it wrote. */
function run(options: LoggerOptions, body: string): { stdout: string; stderr: string; status: number | null } {
  const door = new URL('./index.ts', import.meta.url).href
  const code = `import { createLogger } from ${JSON.stringify(door)}
    const log = createLogger(${JSON.stringify(options)})
    ${body}`
  return spawnSync(process.execPath, ['--conditions=drakkar-src', '--input-type=module', '-e', code], {
    encoding: 'utf8',
    timeout: 15_000,
  })
}

describe('logger', () => {
  it('writes to a file whose path names the worker and the cluster, folders created', async () => {
    const log = createLogger({ ...base, clusterName: 'c1', output: join(folder, '{cluster_name}/w-{worker_id}.log') })
    log.info('first', { n: 1 })
    log.debug('unseen')
    await log.close()
    const lines = read(join(folder, 'c1/w-a_b.log'))
    expect(lines).toMatchObject([{ level: 'info', event: 'first', n: 1, worker_id: 'a/b', service_name: 'drakkar' }])
    expect(lines[0]).not.toHaveProperty('consumer_group')
    expect(lines[0]).not.toHaveProperty('pid')
    expect(new Date(String(lines[0]?.['timestamp'])).toISOString()).toBe(lines[0]?.['timestamp'])
  })

  it('says which path cannot be opened', () => {
    writeFileSync(join(folder, 'file'), '')
    const output = join(folder, 'file/x.log')
    const open = (): unknown => createLogger({ ...base, output })
    expect(open).toThrow(DrakkarError)
    expect(open).toThrow(`logging.output: ${output} cannot be opened: `)
  })

  it('keeps fields of users apart from its own, shows errors as text, redacts credentials', async () => {
    const output = join(folder, 'x.log')
    const log = createLogger({ ...base, output })
    const circular: Record<string, unknown> = {}
    circular['self'] = circular
    log.child({ hook: 'arrange', level: 'mine' }).warn('odd', {
      event: 'theirs',
      worker_id: 'theirs',
      error: new Error('no https://bob:pw@host'),
      url: 'amqp://u:p@h',
      circular,
    })
    await log.close()
    expect(read(output)).toMatchObject([
      {
        level: 'warning',
        event: 'odd',
        worker_id: 'a/b',
        hook: 'arrange',
        field_level: 'mine',
        field_event: 'theirs',
        field_worker_id: 'theirs',
        error: 'no https://***@host',
        url: 'amqp://***@h',
        stack: expect.stringContaining('Error: no https://***@host'),
      },
    ])
  })

  it('loses no line when the process exits at once', () => {
    const output = join(folder, 'x.log')
    const { status } = run(
      { ...base, output },
      'for (let n = 0; n < 1000; n += 1) log.info("line", { n }); process.exit(3)',
    )
    expect(status).toBe(3)
    expect(read(output).map((line) => line['n'])).toEqual(Array.from({ length: 1000 }, (_, n) => n))
  })

  it('has a fatal line written when the call returns, even where the process is killed', () => {
    const output = join(folder, 'x.log')
    run({ ...base, output }, 'log.info("before"); log.fatal("end"); process.kill(process.pid, "SIGKILL")')
    expect(read(output).map((line) => [line['level'], line['event']])).toEqual([
      ['info', 'before'],
      ['critical', 'end'],
    ])
  })

  it('goes on when the output is full, and says so once', () => {
    const result = run(
      { ...base, output: '/dev/full' },
      'for (let n = 0; n < 200; n += 1) log.info("line", { n }); setTimeout(() => { log.info("more"); }, 300); setTimeout(() => console.log("alive"), 600)',
    )
    expect(result.stdout).toContain('alive')
    expect(result.stderr.match(/log lines are lost, \/dev\/full cannot be written: ENOSPC/g)?.length).toBe(1)
    expect(result.status).toBe(0)
  })

  it('ends like any program when its reader is gone', () => {
    const door = new URL('./index.ts', import.meta.url).href
    const code = `import { createLogger } from ${JSON.stringify(door)}
      const log = createLogger(${JSON.stringify({ ...base, output: 'stdout' })})
      for (let n = 0; n < 20000; n += 1) log.info('line', { n })
      setTimeout(() => log.info('after'), 200)`
    const program = join(folder, 'program.mjs')
    writeFileSync(program, code)
    const { status, stdout } = spawnSync(
      '/bin/bash',
      [
        '-c',
        `"${process.execPath}" --conditions=drakkar-src ${program} | head -n 1; echo "status ${'${PIPESTATUS[0]}'}"`,
      ],
      { encoding: 'utf8', timeout: 15_000 },
    )
    expect(stdout).toContain('"n":0')
    expect(stdout).toContain('status 0')
    expect(status).toBe(0)
  })

  it('keeps the order of lines over many writes', async () => {
    const output = join(folder, 'x.log')
    const log = createLogger({ ...base, output })
    for (let n = 0; n < 5000; n += 1) {
      log.info('line', { n })
      if (n % 1000 === 0) await new Promise(setImmediate)
    }
    await log.close()
    expect(read(output).map((line) => line['n'])).toEqual(Array.from({ length: 5000 }, (_, n) => n))
  })

  it('writes readable lines for the console', () => {
    const { stderr } = run(
      { ...base, format: 'console', output: 'stderr' },
      'log.warn("odd", { n: 1 }); log.fatal("end")',
    )
    const lines = stderr.trimEnd().split('\n')
    expect(lines).toEqual([
      expect.stringMatching(/^\[\d\d:\d\d:\d\d\.\d{3}\] WARNING: odd \{"n":1\}$/),
      expect.stringMatching(/^\[\d\d:\d\d:\d\d\.\d{3}\] CRITICAL: end$/),
    ])
  })

  it.each([
    ['INFO', 'info'],
    ['WARNING', 'warn'],
    ['critical', 'fatal'],
    ['loud', undefined],
  ])('reads the level %s', (name, level) => {
    expect(parseLevel(name)).toBe(level)
  })
})
