import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import { discardFiles, ExecRunner } from '../../src/flow/executor/index.ts'
import { AFTER_EXIT, bench, type LauncherUnderTest, taskOf } from './launcher-kit.ts'

const flood = fileURLToPath(new URL('../programs/flood.mjs', import.meta.url))
const node = process.execPath
const folder = mkdtempSync(join(tmpdir(), 'control-'))
afterAll(() => rmSync(folder, { recursive: true }))

const isRoot = process.geteuid?.() === 0
/** A file system of 1 MiB, where this user may mount one. */
function smallDisk(): string | null {
  const path = join(folder, `disk-${Math.trunc(Math.random() * 1e9)}`)
  mkdirSync(path)
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', path], { stdio: 'ignore' })
  if (status !== 0) return null
  onTestFinished(() => void spawnSync('umount', [path]))
  return path
}

const below = (path: string): string[] =>
  readdirSync(path).flatMap((name) => readdirSync(join(path, name)).filter((entry) => entry !== 'alive'))

function stdinSuite(tested: LauncherUnderTest): void {
  describe(`a file as stdin, with a ${tested.name} launcher`, () => {
    it('is read by the program itself, from its beginning, as often as it is asked for', async () => {
      await using one = await bench({ maxStdoutBytes: 0 }, { count: 1, ...tested.options })
      const file = join(folder, 'input')
      const bytes = Buffer.alloc(3_000_000, 'line\n')
      writeFileSync(file, bytes)
      const runs = await Promise.all([1, 2].map(() => one.run({ binary: 'cat', stdin: { file } })))
      for (const outcome of runs) expect(outcome.stdout.equals(bytes)).toBe(true)
      // A descriptor of the file itself: it can be sought, and asked for its size.
      expect((await one.sh('stat -Lc %s /dev/stdin', { stdin: { file } })).stdout.toString()).toBe('3000000\n')
    })

    it('refuses the start where it cannot be read, and says why', async () => {
      await using one = await bench({}, { count: 1, ...tested.options })
      const missing = await one.run({ binary: 'cat', stdin: { file: join(folder, 'nothing') } })
      expect(missing).toMatchObject({ verdict: 'launch-failed', errno: 'ENOENT', launchPart: 'stdin', pid: null })
      expect(missing.message).toContain(`${join(folder, 'nothing')} cannot be its stdin: it does not exist`)
      expect(await one.run({ binary: 'cat', stdin: { file: folder } })).toMatchObject({
        errno: 'EISDIR',
        launchPart: 'stdin',
      })
      const pipe = join(folder, 'pipe')
      spawnSync('mkfifo', [pipe])
      expect(await one.run({ binary: 'cat', stdin: { file: pipe } })).toMatchObject({ errno: 'ESPIPE' })
    })
  })
}

function capsSuite(tested: LauncherUnderTest): void {
  describe(`the caps and the grace of one task, with a ${tested.name} launcher`, () => {
    it('hold for it alone', async () => {
      await using one = await bench({ graceMs: 60_000 }, { count: 1, ...tested.options })
      const script = 'printf 0123456789; printf abcdefghij >&2'
      const capped = await one.sh(script, { maxStdoutBytes: 4, maxStderrBytes: 4, onOutputCap: 'truncate' })
      expect([capped.stdout.toString(), capped.stderr.toString()]).toEqual(['0123', 'ghij'])
      const whole = await one.sh(script)
      expect([whole.stdout.toString(), whole.stderr.toString()]).toEqual(['0123456789', 'abcdefghij'])
      const stubborn = await one.sh('trap "" TERM; while :; do sleep 0.1; done', { timeoutMs: 100, graceMs: 100 })
      expect(stubborn).toMatchObject({ verdict: 'timeout', signal: 'SIGKILL' })
    })

    it('end what is over its cap also where it has exited before', async () => {
      await using one = await bench({ maxStdoutBytes: 10 }, { count: 1, ...tested.options })
      const outcome = await one.sh(`(${AFTER_EXIT}; printf 01234567890123456789) & exit 0`)
      expect(outcome).toMatchObject({ verdict: 'output-cap', exitCode: 0, stdoutTruncated: true })
    })
  })
}

function spillSuite(tested: LauncherUnderTest): void {
  describe(`output that is spilled, with a ${tested.name} launcher`, () => {
    const places = (): { spillFolder: string; scratchFolder: string } => {
      const path = mkdtempSync(join(folder, 's'))
      return { spillFolder: path, scratchFolder: path }
    }

    it('is in a file as a whole, and its beginning in memory; what fits makes no file', async () => {
      const where = places()
      await using one = await bench({ ...where, maxStdoutBytes: 100_000 }, { count: 1, ...tested.options })
      const size = 8 * 1024 * 1024
      const outcome = await one.run({ binary: node, args: [flood, String(size)], onOutputCap: 'spill' })
      expect(outcome).toMatchObject({ verdict: 'ok', stdoutTruncated: false })
      expect(outcome.stdout.length).toBe(100_000)
      const { path, bytes } = outcome.stdoutFile ?? { path: '', bytes: 0 }
      const whole = readFileSync(path)
      expect([bytes, whole.length]).toEqual([size, size])
      const plain = await one.run({ binary: node, args: [flood, String(size)], maxStdoutBytes: 0 })
      expect(whole.equals(plain.stdout)).toBe(true)
      expect(statSync(path).mode & 0o777).toBe(0o600)
      await discardFiles(outcome)
      expect(existsSync(path)).toBe(false)
      const small = await one.sh('echo small', { onOutputCap: 'spill' })
      expect(small.stdoutFile).toBeUndefined()
      expect(below(where.spillFolder)).toEqual([])
    })

    it('ends the run at its own limit, and leaves nothing', async () => {
      const where = places()
      const limits = { maxStdoutBytes: 1_000, maxSpillBytes: 1_000_000, onOutputCap: 'spill' as const }
      await using one = await bench({ ...where, ...limits }, { count: 1, ...tested.options })
      const outcome = await one.run({ binary: node, args: [flood, String(64 * 1024 * 1024)] })
      expect(outcome).toMatchObject({ verdict: 'output-cap' })
      expect(outcome.message).toContain('max_spill_bytes (1000000)')
      expect(outcome.stdoutFile).toBeUndefined()
      expect(below(where.spillFolder)).toEqual([])
    })

    it('ends the run where the disk is full, and goes on with the others', async ({ skip }) => {
      const disk = smallDisk()
      if (disk === null) return skip('this user cannot mount a small file system')
      const options = { spillFolder: disk, maxStdoutBytes: 1_000, onOutputCap: 'spill' as const }
      await using one = await bench(options, { count: 1, ...tested.options })
      const outcome = await one.run({ binary: node, args: [flood, String(8 * 1024 * 1024)] })
      expect(outcome).toMatchObject({ verdict: 'output-cap' })
      expect(outcome.message).toContain('ENOSPC')
      expect(below(disk)).toEqual([])
      const next = await one.run({ binary: node, args: [flood, String(500_000)] })
      expect(next).toMatchObject({ verdict: 'ok', stdoutFile: { bytes: 500_000 } })
    })

    it('goes with the runner, also where nobody discarded it', async () => {
      const where = places()
      const one = await bench({ ...where, maxStdoutBytes: 10 }, { count: 1, ...tested.options })
      await one.sh('printf 01234567890123456789', { onOutputCap: 'spill' })
      expect(below(where.spillFolder)).toHaveLength(1)
      await one.runner.stop()
      expect(readdirSync(where.spillFolder)).toEqual([])
    })
  })
}

function scratchSuite(tested: LauncherUnderTest): void {
  describe(`a scratch folder, with a ${tested.name} launcher`, () => {
    it('is empty, its own, named to the program, and where it starts', async () => {
      const base = mkdtempSync(join(folder, 'x'))
      await using one = await bench({ scratchFolder: base }, { count: 1, ...tested.options })
      const script = 'pwd; echo "$DRAKKAR_SCRATCH"; ls -A | wc -l; mkdir -p a/b; echo x > a/b/c; chmod 0 a'
      const [first, second] = await Promise.all([1, 2].map(() => one.sh(script, { scratch: true })))
      const lines = first?.stdout.toString().trim().split('\n')
      expect(lines).toEqual([first?.scratch, first?.scratch, '0'])
      expect(second?.scratch).not.toBe(first?.scratch)
      const elsewhere = await one.sh('pwd; ls -d "$DRAKKAR_SCRATCH"', { scratch: true, cwd: '/usr' })
      expect(elsewhere.stdout.toString()).toBe(`/usr\n${elsewhere.scratch}\n`)
      for (const outcome of [first, second, elsewhere]) if (outcome !== undefined) await discardFiles(outcome)
      expect(below(base)).toEqual([])
    })

    it('is not left by a start that was refused, nor by a run that was ended', async () => {
      const base = mkdtempSync(join(folder, 'x'))
      await using one = await bench({ scratchFolder: base }, { count: 1, ...tested.options })
      expect(await one.run({ binary: '/no/such/program', scratch: true })).toMatchObject({ verdict: 'launch-failed' })
      expect(below(base)).toEqual([])
      const ended = await one.sh('sleep 600', { scratch: true, timeoutMs: 50 })
      expect(ended).toMatchObject({ verdict: 'timeout' })
      await discardFiles(ended)
      expect(below(base)).toEqual([])
    })

    it('is not made where no task asks for one', async () => {
      const base = mkdtempSync(join(folder, 'x'))
      await using one = await bench({ scratchFolder: base, spillFolder: base }, { count: 1, ...tested.options })
      expect(await one.sh('echo "[$DRAKKAR_SCRATCH]"')).toMatchObject({ verdict: 'ok' })
      expect(readdirSync(base)).toEqual([])
    })
  })
}

function settingsSuite(tested: LauncherUnderTest): void {
  describe(`umask and user, with a ${tested.name} launcher`, () => {
    it('are as configured, and the launcher keeps its own', async () => {
      await using one = await bench({ umask: 0o027 }, { count: 1, ...tested.options })
      for (let turn = 0; turn < 2; turn += 1) expect((await one.sh('umask')).stdout.toString()).toBe('0027\n')
      const other = new ExecRunner({ ...one.options, umask: null })
      await other.start()
      const own = process.umask().toString(8).padStart(4, '0')
      const outcome = await other.run(taskOf({ args: ['-c', 'umask'] }), new AbortController().signal)
      expect(outcome.stdout.toString()).toBe(`${own}\n`)
    })

    it.runIf(isRoot)(
      'run programs as another user, with no other groups, and their scratch folder is theirs',
      async () => {
        const base = mkdtempSync(join(dirname(folder), 'run-as-'))
        onTestFinished(() => rmSync(base, { recursive: true }))
        spawnSync('chmod', ['711', base])
        const runAs = { uid: 65_534, gid: 65_534 }
        await using one = await bench({ runAs, scratchFolder: base, cwd: '/' } as object, {
          count: 1,
          ...tested.options,
        })
        const outcome = await one.sh('id -u; id -G; echo x > mine && stat -c %u mine', { scratch: true })
        expect(outcome.stdout.toString()).toBe('65534\n65534\n65534\n')
        await discardFiles(outcome)
        expect(below(base)).toEqual([])
        // It is ended like any other.
        expect(await one.sh('sleep 600', { timeoutMs: 50, cwd: '/' })).toMatchObject({ verdict: 'timeout' })
      },
    )
  })
}

/** What one task can say of its own run. */
export function controlSuite(tested: LauncherUnderTest): void {
  stdinSuite(tested)
  capsSuite(tested)
  spillSuite(tested)
  scratchSuite(tested)
  settingsSuite(tested)
}
