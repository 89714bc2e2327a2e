import { dialSuite } from './launcher-dial-suite.ts'
import { LAUNCHERS } from './launcher-kit.ts'

for (const tested of LAUNCHERS) dialSuite(tested)
