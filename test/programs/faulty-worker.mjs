// A persistent process that breaks the protocol: at once, as its argument says, or for a task, as its stdin says.
// Any other task is answered with its stdin in capitals.
import { closeSync } from 'node:fs'
import { createInterface } from 'node:readline'

const [, , always = ''] = process.argv
const write = (text, then) => process.stdout.write(text, then)
const say = (answer) => write(`${JSON.stringify(answer)}\n`)
const hang = () => setInterval(() => undefined, 60_000)

/** What it does instead of an answer to the request `id`. */
const faults = {
  'unknown-id': (id) => say({ id: id + 1000, stdout: 'whose?' }),
  twice: (id) => write(`${JSON.stringify({ id, stdout: 'one' })}\n`.repeat(2)),
  oversize: (id) => say({ id, stdout: 'x'.repeat(100_000) }),
  'half-exit': (id) => write(`{"id":${id},"stdo`, () => process.exit(0)),
  'half-hang': (id) => {
    write(`{"id":${id},"stdo`)
    hang()
  },
  'wrong-type': (id) => say({ id, stdout: 42 }),
  'not-an-object': () => write('[1,2]\n'),
  'no-such-op': (id) => say({ id, op: 'done' }),
  'binary-noise': () => write(Buffer.from([0xff, 0xfe, 0x00, 0x0a])),
  endless: (id) => setInterval(() => say({ id, op: 'progress' }), 20),
  silent: () => hang(),
  dies: () => {
    process.stderr.write('no more memory for this\n')
    process.exitCode = 7
    process.stdin.destroy()
  },
  'exits-with-0': () => process.exit(0),
  'killed-by-itself': () => process.kill(process.pid, 'SIGSEGV'),
  'ignores-term': () => {
    process.on('SIGTERM', () => undefined)
    hang()
  },
  floods: () => {
    const more = () => write('x'.repeat(65_536), more)
    more()
  },
  'closes-stdout': () => {
    closeSync(1)
    hang()
  },
  'closes-both': () => {
    closeSync(0)
    closeSync(1)
    hang()
  },
  'no-id': () => say({ stdout: 'whose?' }),
  'partial-twice': (id) => write(`${JSON.stringify({ id, op: 'partial', index: 3, stdout: 'p' })}\n`.repeat(2)),
}

if (always === 'garbage-first') write('Loading the model …\n')
if (always === 'never-ready') hang()
if (always === 'deaf-to-term') process.on('SIGTERM', () => undefined)
if (always === 'dies-at-start') {
  process.stderr.write('model.bin: no such file\n')
  process.exit(3)
}
let tasks = 0
for await (const line of createInterface({ input: process.stdin })) {
  const { op, id, stdin = '' } = JSON.parse(line)
  if (op === 'bye' && always === 'after-bye') {
    say({ id, stdout: 'one word more' })
    say({ id, stdout: 'and another' })
  } else if (op === 'bye') process.exit(0)
  else if (op === 'ping' && always !== 'never-ready') {
    say({ op: 'pong', id })
    if (always === 'unasked') setTimeout(() => say({ id: 2, stdout: 'before any task' }), 50)
  } else if (op === 'task') {
    tasks += 1
    const fault =
      faults[always] !== undefined ? always : /^dies-on-(\d+)$/.exec(always)?.[1] === String(tasks) ? 'dies' : stdin
    if (faults[fault] === undefined) say({ id, stdout: stdin.toUpperCase() })
    else faults[fault](id)
  }
}
