import { chown, mkdir, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { removeFolder } from './discard.ts'
import { RunFolder } from './run-folder.ts'
import { sweep } from './sweep.ts'

export interface RunFilesOptions {
  readonly spillFolder: string
  readonly scratchFolder: string
  /** Who has to be able to write to scratch folders, where that is somebody else. */
  readonly runAs: { readonly uid: number; readonly gid: number } | null
}

/** Names and folders for single runs, in this worker's own folders. Nothing is made before a run needs it. */
export class RunFiles {
  readonly #options: RunFilesOptions
  readonly #spill: RunFolder
  readonly #scratch: RunFolder
  #next = 1
  #sweeping: Promise<unknown> = Promise.resolve()

  constructor(options: RunFilesOptions) {
    this.#options = options
    this.#spill = new RunFolder(options.spillFolder, 'executor.spill_dir (or scratch_dir)')
    const isSame = options.spillFolder === options.scratchFolder
    this.#scratch = isSame ? this.#spill : new RunFolder(options.scratchFolder, 'executor.scratch_dir')
  }

  /** Begins to remove what workers before this one left when they were killed. */
  sweep(): void {
    // The folder of the launchers' socket is in the temporary one.
    const bases = new Set([this.#options.spillFolder, this.#options.scratchFolder, tmpdir()])
    this.#sweeping = Promise.all([...bases].map(sweep))
  }

  /** A file that is not there, for a launcher to make. */
  async spillFile(): Promise<string> {
    return join(await this.#spill.open(), `${this.#number()}.out`)
  }

  /** Fills the hole that a launcher left for what it had sent. Fails where the disk has no room. */
  async completeSpill(path: string, beginning: Uint8Array): Promise<void> {
    const file = await open(path, 'r+')
    try {
      await file.writeFile(beginning)
    } finally {
      await file.close()
    }
  }

  /** Removes what a run has left that is not to be handed on; often nothing. */
  async removeSpill(path: string): Promise<void> {
    await rm(path, { force: true }).catch(() => undefined)
  }

  /** A new, empty folder. */
  async scratch(): Promise<string> {
    const path = join(await this.#scratch.open(), String(this.#number()))
    await mkdir(path, { mode: 0o700 })
    const { runAs } = this.#options
    if (runAs !== null) await chown(path, runAs.uid, runAs.gid)
    return path
  }

  /** Removes a folder of a run that never was. */
  removeScratch(path: string): Promise<void> {
    return removeFolder(path)
  }

  /** Removes everything. Twice is fine. */
  async close(): Promise<void> {
    await Promise.all([this.#spill.close(), this.#scratch.close(), this.#sweeping])
  }

  #number(): number {
    const number = this.#next
    this.#next += 1
    return number
  }
}
