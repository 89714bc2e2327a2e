import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DrakkarError } from '../model/index.ts'
import { loadConfig } from './index.ts'
import { interpolated } from './interpolate.ts'
import { settings } from './json-schema.ts'
import { fileLayer } from './layers/file.ts'
import { allSettings } from './shape.ts'
import { withValue } from './tree.ts'

const paths = [...allSettings(settings)].map(([path]) => path.map((step) => (step === '<name>' ? 'out' : step)))
const path = fc.constantFrom(...paths)
const known = fc.constantFrom<unknown>(
  1,
  0,
  -1,
  30,
  'true',
  'auto',
  'hold',
  '',
  '${A}',
  null,
  [],
  {},
  ['a'],
  1e9,
  'SASL_SSL',
  true,
)
const value = fc.oneof(known, fc.jsonValue())

/** Signs of a message that was put together carelessly. */
const CARELESS = /undefined|\[object|NaN/

async function outcome(given: unknown, load: () => Promise<unknown>): Promise<'loads' | 'refused'> {
  try {
    await load()
    return 'loads'
  } catch (error) {
    if (!(error instanceof DrakkarError)) throw error
    expect(error.code).toBe('CONFIG_INVALID')
    if (!CARELESS.test(JSON.stringify(given))) expect(error.message).not.toMatch(CARELESS)
    return 'refused'
  }
}

const seen = new Set<string>()

describe('any value of any setting loads or is refused with CONFIG_INVALID', () => {
  it('from code', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(path, value), { minLength: 1, maxLength: 3 }), async (entries) => {
        const overrides = entries.reduce<unknown>((tree, [at, given]) => withValue(tree, at, given), {}) as object
        seen.add(await outcome(overrides, () => loadConfig({ env: {}, overrides })))
      }),
      { numRuns: 1500 },
    )
    expect([...seen].sort()).toEqual(['loads', 'refused'])
  })

  it('from the environment', async () => {
    const text = fc.oneof(
      fc.string(),
      fc.json(),
      known.map((one) => JSON.stringify(one)),
    )
    await fc.assert(
      fc.asyncProperty(path, text, fc.constantFrom('DRAKKAR_', 'DK_'), async (at, given, prefix) => {
        await outcome(given, () => loadConfig({ env: { [`${prefix}${at.join('__').toUpperCase()}`]: given } }))
      }),
      { numRuns: 1000 },
    )
  })

  it('under any name', async () => {
    const name = fc.stringMatching(/^[A-Z_0-9]{0,12}$/)
    await fc.assert(
      fc.asyncProperty(name, fc.string(), async (suffix, given) => {
        fc.pre(suffix !== 'CONFIG')
        await outcome(given, () => loadConfig({ env: { [`DRAKKAR_${suffix}`]: given } }))
      }),
      { numRuns: 1000 },
    )
  })
})

describe('any text', () => {
  const yaml = fc.oneof(
    fc.string(),
    fc
      .array(
        fc.constantFrom(
          'a',
          ':',
          ' ',
          '\n',
          '-',
          '*a',
          '&a',
          '{',
          '}',
          '[',
          ']',
          '"',
          '<<',
          '? ',
          '!!',
          '|',
          '#',
          '${',
          '\t',
        ),
      )
      .map((parts) => parts.join('')),
  )

  it('of a file is a tree or problems', () => {
    fc.assert(
      fc.property(yaml, (text) => {
        const { tree, problems } = fileLayer(text, 'f.yaml')
        expect(problems.length > 0 || typeof tree === 'object').toBe(true)
        for (const problem of problems) expect(problem.at).toMatch(/^f\.yaml/)
      }),
      { numRuns: 2000 },
    )
  })

  it('without `${` goes through interpolation untouched, and an escaped one comes out plain', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const plain = text.replaceAll('${', '$')
        const from = { env: {}, read: () => '' }
        expect(interpolated(plain, from)).toMatchObject({ text: plain, problems: [] })
        expect(interpolated(`$\${${plain}`, from).text).toBe(`\${${plain}`)
      }),
    )
  })
})
