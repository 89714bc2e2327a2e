/**
 * The launcher: a small process that starts, watches and ends programs for one worker, speaking PROTOCOL.md over the
 * worker's socket. Its own program (`node node-launcher.js <socket> <index>`); plain Node, real time, no dependencies,
 * so that it starts fast and stays small. It is gone, with everything that it started, as soon as its worker is.
 */
import { spawn } from 'node:child_process'
import { rmdirSync, unlinkSync } from 'node:fs'
import { connect } from 'node:net'
import { constants } from 'node:os'
import { dirname } from 'node:path'
import {
  MAX_TO_LAUNCHER,
  PROTOCOL_VERSION,
  readToLauncher,
  type ToLauncher,
  type ToWorker,
  writeToWorker,
} from './frames.ts'
import { MARK_VARIABLE, markValue } from './marks.ts'
import { raiseOomScore } from './oom-score.ts'
import { Outbox } from './outbox.ts'
import type { StartFrame } from './start-frame.ts'
import { TaskProcess, type TaskProcessReports } from './task-process.ts'
import { FrameSplitter } from './wire.ts'

/** Output that the worker has not taken; above this the programs' pipes are not read. */
const BACKLOG_HIGH = 1024 * 1024
/** How long a launcher that ends waits for the launchers that it started. */
const CHILDREN_MS = 2_000

const socketPath = process.argv[2] ?? ''
const index = Number(process.argv[3])
if (socketPath === '' || !Number.isInteger(index)) throw new Error('usage: node-launcher <socket> <index>')

// Who ends a launcher is its worker, by closing the socket; a signal meant for the terminal's whole group is not.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined)

raiseOomScore()

const socket = connect(socketPath)
const outbox = new Outbox(socket)
const tasks = new Map<number, TaskProcess>()
/** By which the worker finds what is left when this launcher is killed. */
const mark = { [MARK_VARIABLE]: markValue(socketPath, process.pid) }
const templates = new Map<number, NodeJS.ProcessEnv>()
const launchers = new Set<number>()
/** Starts that wait for their turn: each takes about a millisecond, and in between kills and output must be served. */
let queue: StartFrame[] = []
let starting = false
let paused = false
let ending = false

const send = (frame: ToWorker): void => outbox.send((out) => writeToWorker(out, frame))

const reports: TaskProcessReports = {
  started(id, pid) {
    send({ type: 'started', id, pid })
    // At once: only the worker can end this group if this launcher is killed.
    outbox.flush()
  },
  output(id, stream, bytes) {
    send({ type: stream, id, bytes })
    if (!paused && outbox.backlog > BACKLOG_HIGH) pauseAll()
  },
  wantStdin: (id) => send({ type: 'wantStdin', id }),
  done(frame) {
    tasks.delete(frame.id)
    send({ type: 'done', done: frame })
  },
}

function pauseAll(): void {
  paused = true
  for (const task of tasks.values()) task.pause()
  outbox.flush()
}

socket.on('drain', () => {
  if (!paused) return
  paused = false
  for (const task of tasks.values()) task.resume()
})

function environment(start: StartFrame): NodeJS.ProcessEnv {
  const template = templates.get(start.template) ?? mark
  return start.env.length === 0 ? template : { ...template, ...Object.fromEntries(start.env) }
}

function startNext(): void {
  starting = false
  const start = queue.shift()
  if (start === undefined || ending) return
  const task = new TaskProcess(start, reports)
  tasks.set(start.id, task)
  task.launch(environment(start))
  if (paused) task.pause()
  scheduleStart()
}

function scheduleStart(): void {
  if (starting || queue.length === 0) return
  starting = true
  setImmediate(startNext)
}

function kill(id: number, now: boolean): void {
  const task = tasks.get(id)
  if (task !== undefined) return task.kill(now)
  const waiting = queue.find((start) => start.id === id)
  if (waiting === undefined) return
  queue = queue.filter((start) => start !== waiting)
  new TaskProcess(waiting, reports).neverStarted()
}

function spawnLauncher(child: number): void {
  const started = spawn(process.execPath, [...process.execArgv, process.argv[1] as string, socketPath, String(child)], {
    detached: true,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const { pid } = started
  if (pid !== undefined) launchers.add(pid)
  let told = false
  const ended = (errno: number): void => {
    if (pid !== undefined) launchers.delete(pid)
    if (!told) send({ type: 'launcherEnded', index: child, errno })
    told = true
    if (ending && launchers.size === 0) process.exit(0)
  }
  started.once('error', (error: NodeJS.ErrnoException) => ended(constants.errno[error.code as 'EAGAIN'] ?? 5))
  started.once('exit', () => ended(0))
}

function removeSocket(): void {
  try {
    unlinkSync(socketPath)
  } catch {
    // The worker removed it itself.
  }
  try {
    rmdirSync(dirname(socketPath))
  } catch {
    // Likewise.
  }
}

/** Nothing of this launcher stays: not its programs, not its socket, not the launchers that it started. */
function endEverything(): void {
  if (ending) return
  ending = true
  queue = []
  for (const task of tasks.values()) task.destroy()
  socket.destroy()
  if (index === 0) removeSocket()
  if (launchers.size === 0) process.exit(0)
  setTimeout(() => process.exit(0), CHILDREN_MS)
}

function receive(frame: ToLauncher): void {
  switch (frame.type) {
    case 'env':
      templates.set(frame.template, { ...Object.fromEntries(frame.entries), ...mark })
      return
    case 'start':
      queue.push(frame.start)
      return scheduleStart()
    case 'stdin':
      return tasks.get(frame.id)?.writeStdin(frame.bytes, frame.last)
    case 'kill':
      return kill(frame.id, frame.now)
    case 'spawnLauncher':
      return spawnLauncher(frame.index)
    case 'shutdown':
      return endEverything()
  }
}

const splitter = new FrameSplitter(MAX_TO_LAUNCHER, (type, fields) => receive(readToLauncher(type, fields)))
socket.on('data', (chunk) => {
  try {
    splitter.push(chunk)
  } catch (error) {
    process.stderr.write(`drakkar launcher ${index}: ${String(error)}\n`)
    endEverything()
  }
})
socket.on('end', endEverything)
socket.on('error', endEverything)
socket.on('close', endEverything)
socket.once('connect', () => {
  send({ type: 'ready', version: PROTOCOL_VERSION, kind: 'node', pid: process.pid, index })
  outbox.flush()
})
