import { PassThrough, Writable } from 'node:stream'
import { main } from '../../src/cli/command-line.ts'
import type { Page } from './pages.ts'

/** At the beginning of a command, after its variables; the long form also where a unit starts it. */
const CALL =
  /(?:^(?:\$ )?|[|&;] *)(?:[A-Z_]+=\S+ +)*(?:npx )?drakkar (.*)$|node_modules\/drakkar\/dist\/cli\/main\.js (.*)$/

/** Words of every `drakkar …` command line of a page, in blocks of shell and between backticks. */
export function calls(page: Page): readonly (readonly string[])[] {
  const shell = page.blocks.filter(({ language }) => ['sh', 'bash', 'console', 'ini', 'dockerfile'].includes(language))
  const lines = shell.flatMap(({ text }) => text.replaceAll(/\\\n\s*/g, ' ').split('\n'))
  return [...lines, ...page.codes].flatMap((line) => {
    const [, short, long] = CALL.exec(line.trim().replace(/(^|\s)#.*$/, '')) ?? []
    const rest = short ?? long
    return rest === undefined
      ? []
      : [
          rest
            .replace(/[|<>;&].*$/, '')
            .trim()
            .split(/\s+/),
        ]
  })
}

/** What `drakkar … --help` prints. */
export async function help(...command: readonly string[]): Promise<string> {
  let text = ''
  const stdout = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk)
      done()
    },
  })
  await main([...command, '--help'], { stdin: new PassThrough(), stdout, stderr: stdout, env: {} })
  return text
}

/** What is wrong with a command line; undefined where its command, verb and options exist. */
export async function wrongCall(words: readonly string[]): Promise<string | undefined> {
  const [command = '', verb = ''] = words
  if (['--help', '--version', '…'].includes(command)) return undefined
  if (!new RegExp(`^ +${command} `, 'm').test(await help())) return `there is no command ${command}`
  const usage = await help(command)
  if (command === 'config' && !usage.includes(`drakkar config ${verb}`)) return `there is no config ${verb}`
  const known = new Set(usage.match(/(?<![\w-])--?[a-z][a-z-]*/g))
  const options = words.filter((word) => /^--?[a-z]/.test(word)).map((word) => word.replace(/=.*$/, ''))
  const unknown = options.filter((option) => !known.has(option))
  return unknown.length === 0 ? undefined : `${command} has no ${unknown.join(', ')}`
}
