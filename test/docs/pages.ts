import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const ROOT: string = join(import.meta.dirname, '..', '..')

/** A fenced block of code. */
export interface Block {
  readonly language: string
  readonly text: string
  /** Of its first line in the page, from 1. */
  readonly line: number
}

/** A page of the documentation. */
export interface Page {
  /** From the root of the repository. */
  readonly path: string
  readonly blocks: readonly Block[]
  /** The page with its fenced blocks emptied; lines keep their places. */
  readonly prose: string
  /** What stands between single backticks in the prose. */
  readonly codes: readonly string[]
  /** Anchors of its headings, as GitHub makes them. */
  readonly anchors: ReadonlySet<string>
}

const FENCE = /^```(\w*)[^\n]*\n([\s\S]*?)^```$/gm

export function readPages(...patterns: readonly string[]): readonly Page[] {
  return globSync([...patterns], { cwd: ROOT })
    .sort()
    .map((path) => pageOf(path, readFileSync(join(ROOT, path), 'utf8')))
}

function pageOf(path: string, text: string): Page {
  const blocks = [...text.matchAll(FENCE)].map(({ 1: language = '', 2: code = '', index }) => ({
    language,
    text: code,
    line: text.slice(0, index).split('\n').length + 1,
  }))
  const prose = text.replaceAll(FENCE, (block) => block.replaceAll(/[^\n]/g, ''))
  const codes = [...prose.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code)
  return { path, blocks, prose, codes, anchors: anchorsOf(prose) }
}

function anchorsOf(prose: string): ReadonlySet<string> {
  const anchors = new Set<string>()
  for (const [, heading = ''] of prose.matchAll(/^#+ (.+)$/gm)) {
    const anchor = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-')
    let unique = anchor
    for (let count = 1; anchors.has(unique); count += 1) unique = `${anchor}-${count}`
    anchors.add(unique)
  }
  return anchors
}

/** Targets of the links of a page, without those to other hosts. */
export function localLinks(page: Page): readonly string[] {
  return [...page.prose.replaceAll(/`[^`\n]+`/g, '').matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target))
}
