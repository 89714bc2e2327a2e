import type { Evidence, Violation } from '../facts.ts'
import { nothingHalf } from './atomic.ts'
import {
  cleanHandover,
  formerOwnersAreQuiet,
  neverDown,
  noHole,
  noLoss,
  noNeedlessRun,
  oneEnd,
  oneSnapshot,
} from './commits.ts'
import { exactlyOnce, visibleWithItsEnd } from './exactly.ts'
import { drainsEnd, everythingEnds, nobodyBreaks } from './liveness.ts'
import {
  errorsAskedOnce,
  failsAlone,
  hooksFireOnce,
  idsAreStable,
  lettersAreEqual,
  noSecondRun,
  wholeBudget,
  withinBudget,
  withinSlots,
} from './runs.ts'

const STATEMENTS: readonly ((evidence: Evidence) => Violation[])[] = [
  noLoss,
  oneEnd,
  noHole,
  neverDown,
  oneSnapshot,
  noSecondRun,
  noNeedlessRun,
  cleanHandover,
  formerOwnersAreQuiet,
  lettersAreEqual,
  withinBudget,
  wholeBudget,
  failsAlone,
  hooksFireOnce,
  errorsAskedOnce,
  idsAreStable,
  nothingHalf,
  exactlyOnce,
  visibleWithItsEnd,
  withinSlots,
  drainsEnd,
  everythingEnds,
  nobodyBreaks,
]

/** Everything that must always hold, judged by what happened outside of the workers alone. */
export function judge(evidence: Evidence): Violation[] {
  return STATEMENTS.flatMap((statement) => statement(evidence))
}
