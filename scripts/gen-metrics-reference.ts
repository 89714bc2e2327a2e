import { mkdirSync, writeFileSync } from 'node:fs'
import { metricsPage } from './reference/metrics-page.ts'

const page = new URL('../docs/reference/metrics.md', import.meta.url)
mkdirSync(new URL('.', page), { recursive: true })
writeFileSync(page, metricsPage())
