import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { withExtension } from './compress.ts'
import { type CsvOptions, csvHeader, csvLine, csvRow, strayFields } from './csv.ts'
import { borneOut, type Note, parseNotes } from './note.ts'
import { fillFromPayload, fillFromRecord, safeName } from './path-template.ts'
import { finishedName, isFull } from './rotation.ts'
import { SeenIds } from './seen-ids.ts'

describe('csv', () => {
  const options: CsvOptions = { columns: null, delimiter: ',', header: true, escapeFormulas: false }

  /** RFC 4180, read back. */
  function readCsv(text: string): string[][] {
    const rows: string[][] = [[]]
    const field = /"((?:[^"]|"")*)"(,|\r\n)|([^",\r\n]*)(,|\r\n)/gy
    for (let match = field.exec(text); match !== null && field.lastIndex <= text.length; match = field.exec(text)) {
      rows.at(-1)?.push(match[1] === undefined ? (match[3] ?? '') : match[1].replaceAll('""', '"'))
      if ((match[2] ?? match[4]) === '\r\n') rows.push([])
      if (field.lastIndex === text.length) break
    }
    rows.pop()
    return rows
  }

  test('whatever text a field holds, it is read back', () => {
    const texts = fc.array(fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', 'ø', ' ', "'") }), {
      minLength: 1,
      maxLength: 5,
    })
    fc.assert(
      fc.property(fc.array(texts, { minLength: 1, maxLength: 4 }), (rows) => {
        const lines = rows.map((texts) => {
          const names = texts.map((_, index) => `c${index}`)
          return csvLine(csvRow(Object.fromEntries(texts.map((text, n) => [`c${n}`, text])), options), names, ',')
        })
        expect(readCsv(lines.join(''))).toEqual(rows)
      }),
    )
  })

  test('values have one form each, or are refused with a reason', () => {
    const data = {
      t: 'x',
      n: 1.5,
      b: false,
      g: 12345678901234567890n,
      d: new Date(0),
      o: { k: [1] },
      z: null,
      u: undefined,
    }
    const row = csvRow(data, options)
    expect(csvLine(row, [...row.keys()], ';')).toBe(
      'x;1.5;false;12345678901234567890;1970-01-01T00:00:00.000Z;"{""k"":[1]}";;\r\n',
    )
    expect(csvHeader(['a', 'b"c'], ',')).toBe('a,"b""c"\r\n')
    for (const bad of [
      Number.NaN,
      Number.POSITIVE_INFINITY,
      new Date(Number.NaN),
      Buffer.of(1),
      () => 1,
      Symbol('x'),
    ]) {
      expect(() => csvRow({ bad }, options)).toThrow('data.bad')
    }
    for (const bad of [[1], 'x', 7, null, Buffer.of(1), {}]) expect(() => csvRow(bad, options)).toThrow('data')
  })

  test('columns choose and order; what a row lacks is empty, what has no column is named', () => {
    const columns = ['b', 'a']
    expect([...csvRow({ a: 1, x: 2 }, { ...options, columns }).entries()]).toEqual([
      ['b', ''],
      ['a', '1'],
    ])
    expect(csvLine(csvRow({ a: 1 }, options), columns, ',')).toBe(',1\r\n')
    expect(strayFields(csvRow({ a: 1, x: 2, y: 3 }, options), columns)).toEqual(['x', 'y'])
  })

  test('texts that look like formulas are disarmed where that is asked, numbers are not', () => {
    const escaped = csvRow({ a: '=1+1', b: '-x', c: -5, d: '@x', e: 'a=b' }, { ...options, escapeFormulas: true })
    expect([...escaped.values()]).toEqual(["'=1+1", "'-x", '-5', "'@x", 'a=b'])
  })
})

describe('paths', () => {
  const values = {
    key: 'k/1',
    data: { user: { id: 7 }, name: '..', flag: true },
    timestamp: Date.UTC(2026, 1, 3, 4, 5),
  }

  test('placeholders are filled in', () => {
    const path = fillFromPayload('{topic}/{date}/{hour}/{key}-{data.user.id}-{data.name}-{data.flag}.{id}', values)
    expect(path).toBe('{topic}/2026-02-03/04/k%2f1-7-%2e.-true.{id}')
    expect(fillFromRecord(path, { id: 'jobs:0:1:0/files:o/0', topic: 'jobs', partition: 3 })).toBe(
      'jobs/2026-02-03/04/k%2f1-7-%2e.-true.jobs:0:1:0%2ffiles:o%2f0',
    )
    expect(fillFromPayload('{key}', { ...values, key: Buffer.from('{id}') })).toBe('%7bid%7d')
  })

  test.each(['{data.missing}', '{data.user}', '{data.user.id.x}', '{data.toString}'])('%s is refused', (template) => {
    expect(() => fillFromPayload(template, values)).toThrow(template.slice(1, -1))
  })

  test('a value never leaves its folder, is never hidden or too long, and different ones stay different', () => {
    const text = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 400 }),
      fc.constantFrom('.', '..', '', '%', '/', '\0', '~'),
    )
    fc.assert(
      fc.property(text, text, (a, b) => {
        const name = safeName(a)
        expect(name).not.toMatch(/[/\\\p{Cc}{}]|^\.|^$/u)
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(150)
        expect(name === safeName(b)).toBe(a.toWellFormed() === b.toWellFormed())
      }),
    )
  })

  test('a finished file keeps its extensions', () => {
    const at = Date.UTC(2026, 10, 21, 13, 45, 1, 123)
    expect(finishedName('a.jsonl', at, 0)).toBe('a-20261121T134501123Z.jsonl')
    expect(finishedName('v1.2 x.csv.gz', at, 2)).toBe('v1.2 x-20261121T134501123Z-2.csv.gz')
    expect(finishedName('plain', at, 0)).toBe('plain-20261121T134501123Z')
    expect([withExtension('a', 'gzip'), withExtension('a.gz', 'gzip'), withExtension('a', 'zstd')]).toEqual([
      'a.gz',
      'a.gz',
      'a.zst',
    ])
  })
})

test('a file is full before it gets too large, or when it is old; an empty one never is', () => {
  const limits = { bytes: 100, ms: 1000 }
  expect(isFull({ size: 60, ageMs: 0 }, 40, limits)).toBe(false)
  expect(isFull({ size: 60, ageMs: 0 }, 41, limits)).toBe(true)
  expect(isFull({ size: 0, ageMs: 5000 }, 500, limits)).toBe(false)
  expect(isFull({ size: 1, ageMs: 1000 }, 1, limits)).toBe(true)
  expect(isFull({ size: 1e9, ageMs: 1e9 }, 1, { bytes: 0, ms: 0 })).toBe(false)
})

test('at least the last ids are remembered, and never more than twice as many', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.nat(100), (limit, count) => {
      const seen = new SeenIds(limit)
      for (let n = 0; n < count; n += 1) seen.add(`id${n}`)
      for (let n = Math.max(0, count - limit); n < count; n += 1) expect(seen.has(`id${n}`)).toBe(true)
      expect(seen.all().length).toBeLessThanOrEqual(2 * limit)
    }),
  )
})

describe('notes', () => {
  const range = (at: number, end: number, ino = 1): NonNullable<Note['range']> => ({ ino, at, end, crc: at + end })
  const crcOf = (at: number, end: number): Promise<number> => Promise.resolve(at + end)
  const notes: Note[] = [{ ids: ['c'] }, { range: range(0, 10), ids: ['a'] }, { range: range(10, 30), ids: ['b'] }]

  test('hold as far as the file has their bytes', async () => {
    expect(await borneOut(notes, { ino: 1, size: 30 }, crcOf)).toEqual({ kept: 3, cutTo: null })
    expect(await borneOut(notes, { ino: 1, size: 99 }, crcOf)).toEqual({ kept: 3, cutTo: null })
    expect(await borneOut(notes, { ino: 1, size: 29 }, crcOf)).toEqual({ kept: 2, cutTo: 10 })
    expect(await borneOut(notes, { ino: 1, size: 10 }, crcOf)).toEqual({ kept: 2, cutTo: null })
    expect(await borneOut(notes, { ino: 1, size: 4 }, crcOf)).toEqual({ kept: 1, cutTo: 0 })
    expect(await borneOut(notes, { ino: 1, size: 0 }, crcOf)).toEqual({ kept: 1, cutTo: null })
  })

  test('of bytes that are others do not hold, and of another file all but the last do', async () => {
    expect(await borneOut(notes, { ino: 1, size: 30 }, () => Promise.resolve(10))).toEqual({ kept: 2, cutTo: null })
    expect(await borneOut(notes, { ino: 2, size: 5 }, crcOf)).toEqual({ kept: 2, cutTo: null })
  })

  test('are read up to where a crash tore them', () => {
    const head = { path: 'a', columns: ['x'] }
    const text = [head, ...notes].map((value) => `${JSON.stringify(value)}\n`).join('')
    expect(parseNotes(text)).toEqual({ head, notes, whole: true })
    const lengths = fc.nat(text.length - 1)
    fc.assert(
      fc.property(lengths, (length) => {
        const torn = parseNotes(text.slice(0, length))
        expect(notes.slice(0, torn.notes.length)).toEqual(torn.notes)
        expect(torn.head === null ? torn.notes : head).toEqual(torn.head ?? [])
      }),
    )
    for (const rubbish of ['', '\n', '{}\n', 'null\n[]\n', '{"path":1}\n', '\0\0\0', `${text}{"ids":[1]}\n`]) {
      expect(parseNotes(rubbish).notes.length).toBeLessThanOrEqual(3)
    }
  })
})
