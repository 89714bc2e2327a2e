import { controlSuite } from './launcher-control-suite.ts'
import { LAUNCHERS } from './launcher-kit.ts'

for (const tested of LAUNCHERS) controlSuite(tested)
