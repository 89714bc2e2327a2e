import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { metricsPage } from '../../../scripts/reference/metrics-page.ts'

it('the reference page is what the table says (else run: node --conditions=drakkar-src scripts/gen-metrics-reference.ts)', () => {
  expect(readFileSync(new URL('../../../docs/reference/metrics.md', import.meta.url), 'utf8')).toBe(metricsPage())
})
