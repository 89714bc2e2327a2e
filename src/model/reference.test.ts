import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { errorsPage } from '../../scripts/reference/errors-page.ts'

it('the page of errors is up to date: node --conditions=drakkar-src scripts/gen-errors-reference.ts', () => {
  expect(readFileSync(new URL('../../docs/reference/errors.md', import.meta.url), 'utf8')).toBe(errorsPage())
})
