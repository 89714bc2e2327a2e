import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Conversation } from './conversation.ts'
import type { PoolProtocol } from './requests.ts'
import { Violation } from './rules.ts'

type Said = readonly unknown[]

function talk(protocol: PoolProtocol, maxBytes = 4096): { one: Conversation<string>; heard: Said[] } {
  const heard: Said[] = []
  const one = new Conversation<string>(protocol, maxBytes, {
    pong: (cancel) => heard.push(['pong', cancel]),
    answered: (job, { kind, stdout }) => heard.push([kind, job, stdout.toString()]),
    partial: (job, { index, stdout }) => heard.push(['partial', job, index, stdout.toString()]),
    progress: (job) => heard.push(['progress', job]),
  })
  return { one, heard }
}

function encoded(protocol: PoolProtocol, header: Readonly<Record<string, unknown>>, stdout = ''): Buffer {
  if (protocol === 'json') return Buffer.from(`${JSON.stringify({ ...header, stdout })}\n`)
  const part = (bytes: Buffer): Buffer => {
    const length = Buffer.alloc(4)
    length.writeUInt32LE(bytes.length)
    return Buffer.concat([length, bytes])
  }
  return Buffer.concat([part(Buffer.from(JSON.stringify(header))), part(Buffer.from(stdout))])
}

const work = (id: string): { id: string; args: string[]; env: Record<string, string> } => ({ id, args: [], env: {} })

/** The rule that is broken, or null. */
function rule(listen: () => void): string | null {
  try {
    listen()
    return null
  } catch (error) {
    if (error instanceof Violation) return error.rule
    throw error
  }
}

describe.each<PoolProtocol>(['json', 'frames'])('a conversation over %s', (protocol) => {
  it('hears the same, however the bytes are cut', () => {
    const texts = fc.array(fc.string({ unit: 'grapheme', maxLength: 40 }), { minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(texts, fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }), (answers, cuts) => {
        const { one, heard } = talk(protocol)
        const ids = answers.map((_, at) => one.task(`job ${at}`, work(`${at}`)))
        const bytes = Buffer.concat(ids.map((id, at) => encoded(protocol, { id }, answers[at])).reverse())
        for (let at = 0, cut = 0; at < bytes.length; cut += 1) {
          const size = cuts[cut % cuts.length] as number
          one.receive(Buffer.from(bytes.subarray(at, at + size)))
          at += size
        }
        one.end()
        expect(heard).toEqual(answers.map((text, at) => ['ok', `job ${at}`, text]).reverse())
      }),
    )
  })

  it('never does anything with noise but name the rule that it breaks', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (noise) => {
        const { one, heard } = talk(protocol, 256)
        one.task('job', work('1'))
        const broken = rule(() => {
          one.receive(Buffer.from(noise))
          one.end()
        })
        // Only blank lines are nothing.
        if (broken === null) expect(Buffer.from(noise).toString().trim()).toBe('')
        expect(heard).toEqual([])
      }),
    )
  })

  it.each([
    ['unasked', [{ id: 5 }]],
    ['once', [{ id: 1 }, { id: 1 }]],
    ['unasked', [{}, {}]],
    ['op', [{ id: 1, op: 'nothing' }]],
    ['op', [{ id: 1, op: 'pong' }]],
    ['fields', [{ id: '1' }]],
    ['fields', [{ id: -1 }]],
    ['fields', [{ id: 1, op: 'partial' }]],
    ['fields', [{ id: 1, op: 'fail', exit_code: 0 }]],
    ['fields', [{ id: 1, op: 'fail', retryable: 'no' }]],
    ['fields', [{ id: 1, stderr: {} }]],
    [null, [{ id: 1 }]],
    [null, [{}]],
    [
      null,
      [
        { id: 1, op: 'progress' },
        { id: 1, op: 'fail', message: 'm' },
      ],
    ],
  ] as const)('finds %s broken by %j', (broken, headers) => {
    const { one } = talk(protocol)
    one.task('job', work('1'))
    expect(rule(() => headers.forEach((header) => one.receive(encoded(protocol, header))))).toBe(broken)
  })

  it('takes no answer without an id where several tasks are in flight', () => {
    const { one, heard } = talk(protocol)
    one.task('a', work('1'))
    one.task('b', work('2'))
    expect(rule(() => one.receive(encoded(protocol, {})))).toBe('id')
    expect(heard).toEqual([])
  })

  it('takes one answer to bye, and nothing after it', () => {
    const { one } = talk(protocol)
    one.bye()
    expect(rule(() => one.receive(encoded(protocol, {})))).toBeNull()
    expect(rule(() => one.receive(encoded(protocol, {})))).toBe('bye')
  })

  it('refuses what is longer than it may be, before it is there', () => {
    const { one } = talk(protocol, 100)
    one.task('job', work('1'))
    const long = encoded(protocol, { id: 1 }, 'x'.repeat(1000))
    expect(rule(() => one.receive(long.subarray(0, 200)))).toBe('size')
  })

  it('finds what was begun and not ended', () => {
    const { one } = talk(protocol)
    one.task('job', work('1'))
    one.receive(encoded(protocol, { id: 1 }, 'text').subarray(0, 9))
    expect(rule(() => one.end())).toBe('whole')
  })
})

describe('requests', () => {
  it('as lines', () => {
    const { one } = talk('json')
    one.ping()
    one.task('job', { ...work('a "task"'), args: ['é'], env: { A: '1' }, cwd: '/x', stdin: Buffer.from('a\nb') })
    one.task('job', { ...work('t'), stdin: Buffer.from([0xff]) })
    one.bye()
    expect(one.take()?.bytes).toBe(
      '{"op":"ping","id":1}\n' +
        '{"op":"task","id":2,"task":"a \\"task\\"","args":["é"],"env":{"A":"1"},"cwd":"/x","stdin":"a\\nb"}\n' +
        '{"op":"task","id":3,"task":"t","args":[],"stdin_base64":"/w=="}\n' +
        '{"op":"bye","id":4}\n',
    )
    expect(one.take()).toBeNull()
  })

  it('as frames', () => {
    const { one } = talk('frames')
    one.task('job', { ...work('t'), stdin: Buffer.from('body') })
    // ')' is 41, the length of the header.
    expect(Buffer.from(one.take()?.bytes ?? '').toString('latin1')).toBe(
      ')\0\0\0{"op":"task","id":1,"task":"t","args":[]}\x04\0\0\0body',
    )
  })
})
