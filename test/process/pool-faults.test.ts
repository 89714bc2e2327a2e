import { LAUNCHERS } from './launcher-kit.ts'
import { FAULTS, poolFaultsSuite } from './pool-faults-suite.ts'

const FEW = new Set(['half-exit', 'dies', 'ignores-term', 'closes-both'])

for (const [at, tested] of LAUNCHERS.entries()) {
  poolFaultsSuite(tested, at === 0 ? FAULTS : FAULTS.filter(([fault]) => FEW.has(fault)))
}
