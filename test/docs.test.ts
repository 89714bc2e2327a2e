import { execFile } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, normalize } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { loadConfig } from '../src/config/index.ts'
import { ERRORS } from '../src/model/index.ts'
import { calls, wrongCall } from './docs/commands.ts'
import { inSources, isLogged, isMetric, isSetting, roots, settingNames, sources } from './docs/names.ts'
import { localLinks, type Page, ROOT, readPages } from './docs/pages.ts'

const pages = readPages('*.md', 'docs/**/*.md', 'src/**/*.md', 'examples/*/README.md')
/** Pages that people wrote for users; the generated ones are pinned by their own tests. */
const written = pages.filter(
  ({ path }) => /^(README|docs\/|examples\/)/.test(path) && !path.startsWith('docs/reference/'),
)

/** Every finding of every page, as `page: finding`. */
const found = (of: readonly Page[], look: (page: Page) => readonly string[]): string[] =>
  of.flatMap((page) => look(page).map((finding) => `${page.path}: ${finding}`))

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drakkar-docs-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test('the pages of users are all among those that are looked at', () => {
  const paths = written.map(({ path }) => path)
  expect(paths).toEqual(
    expect.arrayContaining(['README.md', ...globSync('docs/{*,guide/*,operate/*}.md', { cwd: ROOT })]),
  )
  expect(paths.length).toBeGreaterThan(8)
})

describe('links', () => {
  test('lead somewhere, to the heading that they name', () => {
    const broken = found(pages, (page) =>
      localLinks(page).filter((target) => {
        const [path = '', anchor] = target.split('#')
        const to = path === '' ? page.path : normalize(join(dirname(page.path), path))
        if (!existsSync(join(ROOT, to))) return true
        if (anchor === undefined) return false
        return pages.find((other) => other.path === to)?.anchors.has(anchor) !== true
      }),
    )
    expect(broken).toEqual([])
  })

  test('lead from the index to every page', () => {
    const index = pages.find(({ path }) => path === 'docs/README.md')
    const linked = new Set(index === undefined ? [] : localLinks(index).map((target) => join('docs', target)))
    const missing = pages.filter(
      ({ path }) => path.startsWith('docs/') && path !== 'docs/README.md' && !linked.has(path),
    )
    expect(missing.map(({ path }) => path)).toEqual([])
  })
})

describe('examples', () => {
  test('in TypeScript compile against the sources', { timeout: 120_000 }, async () => {
    // Below the root, so that `drakkar` and `zod` are found as a user's project finds them.
    const at = join(ROOT, '.cache', `docs-${process.pid}`)
    try {
      const count = await writeExamples(at)
      expect(count).toBeGreaterThan(2)
      const options = { extends: '../../tsconfig.json', include: ['**/*.ts'], compilerOptions: { declaration: false } }
      await writeFile(join(at, 'tsconfig.json'), JSON.stringify(options))
      expect(await run(join(ROOT, 'node_modules/.bin/tsc'), ['-p', at])).toBe('')
    } finally {
      await rm(at, { recursive: true, force: true })
    }
  })

  test('in YAML are configurations that load, without a notice', async () => {
    const wrong: string[] = []
    let count = 0
    for (const page of written) {
      for (const { language, text, line } of page.blocks) {
        if (language !== 'yaml' || !Object.keys(parse(text) as object).some((key) => roots.has(key))) continue
        count += 1
        const told = await problemsOf(text)
        wrong.push(...told.map((problem) => `${page.path}:${line}: ${problem}`))
      }
    }
    expect(wrong).toEqual([])
    expect(count).toBeGreaterThan(2)
  })

  test('on the command line name commands and options that exist', async () => {
    const wrong: string[] = []
    let count = 0
    for (const page of written) {
      for (const words of calls(page)) {
        count += 1
        const problem = await wrongCall(words)
        if (problem !== undefined) wrong.push(`${page.path}: drakkar ${words.join(' ')}: ${problem}`)
      }
    }
    expect(wrong).toEqual([])
    expect(count).toBeGreaterThan(10)
  })

  test('of npm name scripts that exist', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: object }
    const texts = (page: Page): string => [...page.codes, ...page.blocks.map(({ text }) => text)].join('\n')
    const missing = found(pages, (page) =>
      [...texts(page).matchAll(/npm run ([\w:-]+)/g)].map(([, name = '']) => name).filter((name) => !(name in scripts)),
    )
    expect(missing).toEqual([])
  })
})

describe('names', () => {
  // What the PostgreSQL sink creates.
  const tables = ['drakkar_delivered', 'drakkar_delivered_at', 'drakkar_owners']
  const all = (page: Page): string => `${page.prose}\n${page.blocks.map(({ text }) => text).join('\n')}`

  test('of metrics and events exist', () => {
    const unknown = found(written, (page) =>
      [...new Set(all(page).match(/\bdrakkar_[a-z_]+/g))].filter(
        (name) => !isMetric(name) && !isLogged(name) && !tables.includes(name),
      ),
    )
    expect(unknown).toEqual([])
  })

  test('of settings exist', () => {
    const unknown = found(written, (page) =>
      page.codes
        .map((code) => code.replace(/[:=]\s.*$/, ''))
        .filter((code) => /^[a-z_]+(\.([a-z_]+|<name>|…))+$/.test(code) && roots.has(code.split('.')[0] ?? ''))
        .filter((code) => !isSetting(code.split('.').filter((step) => step !== '…'))),
    )
    expect(unknown).toEqual([])
  })

  test('of variables are those of settings, or known', () => {
    const unknown = found(written, (page) =>
      [...new Set(all(page).match(/\b(DRAKKAR|DK)_[A-Z0-9_]*[A-Z0-9]\b/g))].filter((name) => {
        const path = name
          .replace(/^(DRAKKAR|DK)_/, '')
          .toLowerCase()
          .split('__')
        return !isSetting(path) && !inSources(name)
      }),
    )
    expect(unknown).toEqual([])
  })

  test('in snake_case, camelCase and capitals stand in the sources', () => {
    const shapes = [/^[a-z]+(_[a-z0-9]+)+$/, /^[a-z]+([A-Z][a-z]+)+$/, /^[A-Z]+(_[A-Z]+)+$/]
    // Of Node, Prometheus and Kubernetes. Topics stand in the examples, or are those of dead letters.
    const foreign = [
      'execSync',
      'histogram_quantile',
      'livenessProbe',
      'readinessProbe',
      'shareProcessNamespace',
      'terminationGracePeriodSeconds',
    ]
    const examples = written.flatMap(({ blocks }) => blocks.map(({ text }) => text)).join('\n')
    const known = (name: string): boolean =>
      inSources(name) ||
      settingNames.has(name) ||
      isMetric(name) ||
      foreign.includes(name) ||
      name.endsWith('_dlq') ||
      examples.includes(name)
    const unknown = found(written, (page) =>
      page.codes
        .map((code) => code.replace(/(\(.*|:\s.*)$/, ''))
        .filter((code) => shapes.some((shape) => shape.test(code)))
        .filter((code) => !known(code)),
    )
    expect(unknown).toEqual([])
  })

  test('of headers of dead letters exist', () => {
    const unknown = found(written, (page) =>
      [...all(page).matchAll(/\bdrakkar-dl-([a-z-]+[a-z])/g)]
        .map(([, name = '']) => name)
        .filter((name) => !sources.includes(`['${name}',`)),
    )
    expect(unknown).toEqual([])
  })

  test('of exit statuses are in the table of errors, or of a signal', () => {
    const known = new Set([0, 1, 2, 3, 129, 130, 137, 143, ...Object.values(ERRORS).map(({ exitCode }) => exitCode)])
    const unknown = found(written, (page) =>
      [...page.prose.matchAll(/\b(?:exit code|status) (\d+)\b/g)]
        .map(([, code = '']) => code)
        .filter((code) => !known.has(Number(code))),
    )
    expect(unknown).toEqual([])
  })

  test('of all reasons for holds and pauses are on their page', () => {
    const page = pages.find(({ path }) => path === 'docs/operate/held.md')
    const held = [...sources.matchAll(/place\([^{]*\{ reason: '([\w -]+)'|#block\('([\w-]+)'/g)].map(
      ([, placed, blocked]) => placed ?? blocked,
    )
    const paused = [...sources.matchAll(/\bpause\([^')]*'([\w:-]+)'\)/g)].map(([, reason]) => reason)
    expect(held).toEqual(
      expect.arrayContaining(['binary', 'launch', 'dead-letter', 'dead-letter fuse', 'arrange', 'parse', 'offset-gap']),
    )
    expect(paused).toEqual(expect.arrayContaining(['backpressure:messages', 'backpressure:bytes', 'span', 'metadata']))
    expect([...held, ...paused].filter((reason) => page?.codes.includes(reason ?? '') !== true)).toEqual([])
  })
})

/** Writes every example of a page into a folder of its own: `// handler.ts` in its first line is its name. */
async function writeExamples(at: string): Promise<number> {
  let count = 0
  for (const page of written) {
    for (const { language, text, line } of page.blocks) {
      if (language !== 'ts') continue
      const name = /^\/\/ (\S+\.ts)$/m.exec(text.split('\n', 1)[0] ?? '')?.[1] ?? `line-${line}.ts`
      const home = join(at, page.path.replaceAll('/', '-'))
      await mkdir(home, { recursive: true })
      await writeFile(join(home, name), text)
      count += 1
    }
  }
  return count
}

/** What the loader says against a configuration; files of secrets and variables that it asks for are there. */
async function problemsOf(text: string): Promise<readonly string[]> {
  const path = join(folder, 'drakkar.yaml')
  await writeFile(join(folder, 'secret'), 'secret\n')
  await writeFile(path, text.replaceAll(/\$\{file:[^}]*\}/g, '$${file:./secret}'))
  const names = [...text.matchAll(/\$\{([A-Z_]+)/g)].map(([, name = '']) => [name, 'value'])
  try {
    return (await loadConfig({ path, env: Object.fromEntries(names) })).notices
  } catch (error) {
    return [String(error)]
  }
}

/** Output of a program that failed; empty where it did not. */
function run(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(command, args, (error, stdout, stderr) =>
      resolve(error === null ? '' : `${stdout}${stderr}` || error.message),
    )
  })
}
