import fc from 'fast-check'
import { expect, test } from 'vitest'
import { byteLines } from './byte-lines.ts'

async function* chunks(...parts: readonly (string | Buffer)[]): AsyncGenerator<Buffer | string> {
  yield* parts
}

async function linesOf(maxBytes: number, ...parts: readonly (string | Buffer)[]): Promise<(string | null)[]> {
  const lines: (string | null)[] = []
  for await (const { number, bytes } of byteLines(chunks(...parts), maxBytes)) {
    lines.push(bytes === null ? null : bytes.toString('latin1'))
    expect(number).toBe(lines.length)
  }
  return lines
}

test('lines end with LF or CRLF, and the last one with the input', async () => {
  expect(await linesOf(100, 'a\r\n\nb', 'c\n', 'd')).toEqual(['a', '', 'bc', 'd'])
  expect(await linesOf(100, 'a\r', '\nb\r\r\n')).toEqual(['a', 'b\r'])
  expect(await linesOf(100)).toEqual([])
  expect(await linesOf(100, '', '\n')).toEqual([''])
})

test('separators that text functions cut at are part of a line', async () => {
  const text = '{"a":"\u2028\u0085\u2029\v\f"}'
  expect(await linesOf(100, `${text}\n`)).toEqual([Buffer.from(text).toString('latin1')])
})

test('a line that is too long is thrown away, and the next one is whole', async () => {
  expect(await linesOf(3, 'abc\nabcd\nabc\r\nabcd\r\nx')).toEqual(['abc', null, 'abc', null, 'x'])
  expect(await linesOf(3, 'ab', 'cd', 'ef\nabc', '\n')).toEqual([null, 'abc'])
})

test('it says how much was read when a line ended', async () => {
  const read: number[] = []
  for await (const { readBytes } of byteLines(chunks('ab\ncd', 'e\n\n', 'f'), 10)) read.push(readBytes)
  expect(read).toEqual([3, 7, 8, 9])
})

test('however the input is cut into chunks, the lines are the same', async () => {
  const bytes = fc.uint8Array({ maxLength: 60 }).map((some) => Buffer.from(some.map((byte) => (byte < 60 ? 10 : byte))))
  await fc.assert(
    fc.asyncProperty(bytes, fc.array(fc.nat(60)), async (input, cuts) => {
      const places = [0, ...cuts.filter((at) => at < input.length).sort((a, b) => a - b), input.length]
      const parts = places.slice(1).map((end, at) => input.subarray(places[at], end))
      expect(await linesOf(1000, ...parts)).toEqual(await linesOf(1000, input))
    }),
  )
})
