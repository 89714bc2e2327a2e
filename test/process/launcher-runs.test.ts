import { LAUNCHERS } from './launcher-kit.ts'
import { runsSuite } from './launcher-runs-suite.ts'

for (const tested of LAUNCHERS) runsSuite(tested)
