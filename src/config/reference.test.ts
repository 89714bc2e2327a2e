import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { configTypeSource } from '../../scripts/reference/config-type.ts'
import { configurationPage } from '../../scripts/reference/configuration-page.ts'
import { jsonSchema } from './index.ts'
import { settings } from './json-schema.ts'
import { allSettings } from './shape.ts'

const text = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

describe('what is made from the schema', () => {
  it('is up to date: node --conditions=drakkar-src scripts/gen-reference.ts', () => {
    expect(text('src/config/config.ts')).toBe(configTypeSource(settings))
    expect(text('docs/reference/configuration.md')).toBe(configurationPage(settings))
  })

  it('has a description for every setting', () => {
    const silent = [...allSettings(settings)].filter(([, { description = '' }]) => description === '')
    expect(silent.map(([path]) => path.join('.'))).toEqual([])
  })

  it('the schema for editors takes `${…}`, one text for a list, and sections that are not there yet', () => {
    const { properties } = jsonSchema() as { properties: Record<string, { properties: Record<string, unknown> }> }
    expect(properties['metrics']?.properties['port']).toMatchObject({
      default: 9090,
      anyOf: [
        { type: 'integer', minimum: 0, maximum: 65_535 },
        { type: 'string', pattern: '\\$\\{.+\\}' },
      ],
    })
    expect(properties['executor']?.properties['env_inherit_deny']).toMatchObject({
      anyOf: [{ type: 'array' }, { type: 'string' }],
    })
    expect(properties['executor']?.properties['binary_path']).toMatchObject({
      anyOf: [{ type: 'string' }, { type: 'null' }, {}],
    })
    expect(properties).toHaveProperty('ui')
  })
})
