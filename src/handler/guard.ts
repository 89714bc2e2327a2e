import { DrakkarError, reasonOf } from '../model/index.ts'
import { currentPlace, describePlace } from './place.ts'

/**
 * Watches for what user code does outside of any hook's result: a rejection that nobody handles, an exception in a timer
 * of its own, `process.exit`. The state of its messages is unknown then, so the process must end at once, without another
 * commit: what has no acknowledged commit comes again. `crashed` gets the error to report and the way to end the process.
 *
 * @returns a function that takes the guard away again.
 */
export function guardUserCode(crashed: (error: DrakkarError, exit: typeof process.exit) => void): () => void {
  const exit: typeof process.exit = process.exit.bind(process)
  const onRejection = (reason: unknown): void =>
    crashed(crashOf('a promise was rejected and nobody handled it', reason), exit)
  const onException = (error: unknown): void =>
    crashed(crashOf('an exception was thrown outside of any call', error), exit)
  process.on('unhandledRejection', onRejection)
  process.on('uncaughtException', onException)
  process.exit = (code) => {
    crashed(crashOf(`process.exit(${code ?? ''}) was called`, undefined), exit)
    return exit(70)
  }
  return () => {
    process.off('unhandledRejection', onRejection)
    process.off('uncaughtException', onException)
    process.exit = exit
  }
}

function crashOf(what: string, reason: unknown): DrakkarError {
  const place = currentPlace.getStore()
  const where = place === undefined ? 'outside of any hook' : `in ${describePlace(place)}`
  const why = reason === undefined ? '' : `: ${reasonOf(reason)}`
  return new DrakkarError('USER_CODE_CRASHED', `${what} ${where}${why}`, {
    ...(reason === undefined ? {} : { cause: reason }),
    advice:
      'Await every promise in a hook, and let a hook throw instead of ending the process. Nothing more is committed; unfinished messages come again after the restart.',
  })
}
