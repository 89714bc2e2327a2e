import { availableParallelism } from 'node:os'
import { defineConfig, type ViteUserConfig } from 'vitest/config'

// The native Kafka client can be loaded by one thread of a process only: forks, never threads.
const common = { pool: 'forks' as const, environment: 'node' as const, setupFiles: ['test/support/property-seed.ts'] }
// A crowded machine can starve a member of a group until the broker puts it out. There a test gets a second run, and the report
// says so ("retry x1"); at a developer's desk a test that fails once has failed.
const patience = { retry: process.env['CI'] === undefined ? 0 : 1 }
const resolve = { conditions: ['drakkar-src'] }
const ssr = { resolve: { conditions: ['drakkar-src'] } }

const config: ViteUserConfig = defineConfig({
  test: {
    // Most tests wait for programs and servers: with the default of one less than there are CPUs, two of them stand idle.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    projects: [
      {
        resolve,
        ssr,
        test: {
          ...common,
          name: 'unit',
          include: ['src/**/*.test.ts', 'test/*.test.ts', 'test/types/*.test.ts'],
          testTimeout: 20_000,
        },
      },
      { resolve, ssr, test: { ...common, name: 'flow', include: ['test/flow/**/*.test.ts'], testTimeout: 60_000 } },
      { resolve, ssr, test: { ...common, name: 'sim', include: ['test/sim/**/*.test.ts'], testTimeout: 240_000 } },
      {
        resolve,
        ssr,
        test: { ...common, ...patience, name: 'process', include: ['test/process/**/*.test.ts'], testTimeout: 90_000 },
      },
      {
        resolve,
        ssr,
        test: {
          ...common,
          ...patience,
          name: 'services',
          include: ['test/services/**/*.test.ts'],
          testTimeout: 240_000,
          // Servers start and stop there.
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
})
export default config
