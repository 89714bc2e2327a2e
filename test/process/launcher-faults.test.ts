import { faultsSuite } from './launcher-faults-suite.ts'
import { LAUNCHERS } from './launcher-kit.ts'

for (const tested of LAUNCHERS) faultsSuite(tested)
