import type { JsonSchema } from '../../src/config/json-schema.ts'
import { allowed } from '../../src/config/shape.ts'

const HEAD = `<!-- Made from src/config/schema by \`node --conditions=drakkar-src scripts/gen-reference.ts\`: change the schema, not this page. -->

# Configuration

One YAML file, the environment, and code; later ones go over earlier ones, setting by setting (a list is replaced whole):
defaults < file < environment < code. \`drakkar config check\` checks all of it without starting anything and tells every
problem at once; \`drakkar config show\` prints what would be used and where each value comes from; \`drakkar config schema\`
prints a JSON Schema for editors.

- **File**: \`-c FILE\`, \`configPath\`, or the variable \`DRAKKAR_CONFIG\`. Without one there is no file. An empty file sets nothing, a
  key that is written twice is an error.
- **Environment**: \`DRAKKAR_\`, then the path with \`__\` between its steps: \`DRAKKAR_EXECUTOR__MAX_EXECUTORS=8\`,
  \`DRAKKAR_SINKS__KAFKA__OUTPUT__TOPIC=results\`. The prefix \`DK_\` works too; both set to different values is an error. Lists: commas,
  JSON, or one variable per item (\`…__TOPIC__0\`, \`…__TOPIC__1\`). A whole section may be JSON. Inside of \`client_config\`, \`_\` stands
  for \`.\`.
- **\`\${NAME}\`** in a text of the file is the variable NAME, \`\${NAME:-default}\` has a default where it is unset or empty,
  \`\${file:/run/secrets/x}\` is the content of a file (relative: to the folder of the configuration), \`$\${\` a plain \`\${\`.
- **Unknown keys** are errors that name what was probably meant.
- **Older names** load: \`kafka.source_topic\`, \`kafka.consumer_group\` and the other settings of the consumer are \`sources.kafka.…\` now.
  Sections that are known and not available yet (\`ui\`, \`debug\`, \`cache\`, \`storage\`, \`throughput\`, \`runtime_health\`, \`io\`, \`offload\`, and some
  kinds of sinks) give a notice. What would change a guarantee (\`ordering\`, \`retry_topics\`, \`sources.http\`) is an error until it is
  there.
- **Secrets** (passwords, tokens, keys, connection strings, every value of \`executor.env\`) are never printed.
`

/** The reference page of the configuration. */
export function configurationPage(settings: JsonSchema): string {
  return `${HEAD}\n${sectionsOf(settings, [], '').join('\n')}`
}

function sectionsOf(section: JsonSchema, path: readonly string[], description: string): string[] {
  const entries = Object.entries(section.properties ?? {})
  const isRepeated = (name: string): boolean => name === 'security' && path[0] !== 'kafka'
  const plain = entries.filter(([name, setting]) => inner(setting) === undefined || isRepeated(name))
  const title = path.length === 0 ? 'Top level' : `\`${path.join('.')}\``
  const intro = description === '' ? '' : `${description}\n\n`
  const own = plain.length === 0 ? [] : [`## ${title}\n\n${intro}${table(plain, section.required ?? [])}`]
  const below = entries.flatMap(([name, setting]) => {
    const found = inner(setting)
    if (found === undefined || isRepeated(name)) return []
    const steps = found === setting ? [...path, name] : [...path, name, '<name>']
    return sectionsOf(found, steps, setting.description ?? '')
  })
  return [...own, ...below]
}

/** The settings inside of a section, or inside of each instance of it. */
function inner(setting: JsonSchema): JsonSchema | undefined {
  if (setting.properties !== undefined) return setting
  const instance = setting.additionalProperties
  return typeof instance === 'object' && instance.properties !== undefined ? instance : undefined
}

function table(rows: readonly (readonly [string, JsonSchema])[], required: readonly string[]): string {
  const lines = rows.map(
    ([name, setting]) =>
      `| \`${name}\` | ${cell(typeText(setting))} | ${cell(fallback(setting, required.includes(name)))} | ${cell(setting.description ?? '')} |`,
  )
  return `| Key | Value | Default | What it does |\n| --- | --- | --- | --- |\n${lines.join('\n')}\n`
}

function typeText(setting: JsonSchema): string {
  if (setting.properties !== undefined) return 'as `kafka.security`'
  if (setting.type !== 'object') return allowed(setting).replace(/, or left out$/, '')
  const values = setting.additionalProperties
  return typeof values === 'object' && values.type !== undefined
    ? `names with ${[values.type].flat().join(' or ')} values`
    : 'anything'
}

function fallback(setting: JsonSchema, required: boolean): string {
  if (setting.default === undefined) return required ? '**required**' : ''
  return setting.default === '' ? 'empty' : `\`${JSON.stringify(setting.default).replace(/^"(.*)"$/, '$1')}\``
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')
