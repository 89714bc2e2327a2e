import { DrakkarError, type End, reasonOf } from '../../model/index.ts'
import { deadLetterRecord } from './dead-letter-record.ts'
import type { DeadLetter, DeadLetters } from './ends.ts'
import { checkLetterFolder, writeLetterFile } from './letter-file.ts'
import { type PersistenceParts, writeUntilDone } from './persistent.ts'

export interface FileLettersOptions extends PersistenceParts {
  /** Made where it is missing. One letter is one file in it. */
  readonly folder: string
  /** Name of this worker, written into each letter. */
  readonly worker: string
}

/**
 * Dead letters in files, for a worker without a dead-letter topic. A letter is durable when its file is flushed to the
 * disk. The same message always gets the same file.
 */
export function createFileLetters(options: FileLettersOptions): DeadLetters {
  return new FileLetters(options)
}

class FileLetters implements DeadLetters {
  readonly #options: FileLettersOptions

  constructor(options: FileLettersOptions) {
    this.#options = options
  }

  async connect(): Promise<void> {
    await checkLetterFolder(this.#options.folder).catch((error: unknown) => {
      throw folderError('dlq.path', this.#options.folder, error)
    })
  }

  bury(letter: DeadLetter, signal: AbortSignal): Promise<End> {
    const { folder, worker, clock } = this.#options
    const record = deadLetterRecord(letter, { topic: '', worker, at: clock.now() })
    const { topic, partition, offset } = letter.message
    const write = async (): Promise<End> => ({
      kind: 'dead',
      to: await writeLetterFile(folder, letter, record),
      offset: null,
    })
    return writeUntilDone(
      this.#options,
      letter,
      signal,
      write,
      (error) =>
        `the dead letter of ${topic}/${partition} offset ${offset} cannot be written below ${folder}: ${reasonOf(error)}. ` +
        'Give the worker rights and room there. It is tried again until it works; nothing after it is committed.',
    )
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

/** The folder of letters cannot be used. `setting` names it in the configuration. */
export function folderError(setting: string, folder: string, cause: unknown): DrakkarError {
  return new DrakkarError('SINK_UNAVAILABLE', `${setting}: ${folder} cannot be used: ${reasonOf(cause)}`, {
    cause,
    advice: 'Dead letters are written there. Choose a folder that the worker can write.',
  })
}
