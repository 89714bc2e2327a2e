import { mkdirSync, writeFileSync } from 'node:fs'
import { settings } from '../src/config/json-schema.ts'
import { configTypeSource } from './reference/config-type.ts'
import { configurationPage } from './reference/configuration-page.ts'

const root = new URL('../', import.meta.url)

mkdirSync(new URL('docs/reference/', root), { recursive: true })
writeFileSync(new URL('src/config/config.ts', root), configTypeSource(settings))
writeFileSync(new URL('docs/reference/configuration.md', root), configurationPage(settings))
