import { configureGlobal } from 'fast-check'

// A change is judged by the same examples as the one before; new ones are looked for at a developer's desk and every night.
const { CI, DRAKKAR_NIGHTLY } = process.env
if (CI !== undefined && DRAKKAR_NIGHTLY !== '1') configureGlobal({ seed: 20_261_121 })
