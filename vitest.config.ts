import { defineConfig, type ViteUserConfig } from 'vitest/config'

// The native Kafka client can be loaded by one thread of a process only: forks, never threads.
const common = { pool: 'forks' as const, environment: 'node' as const }
const resolve = { conditions: ['drakkar-src'] }
const ssr = { resolve: { conditions: ['drakkar-src'] } }

const config: ViteUserConfig = defineConfig({
  test: {
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
        test: { ...common, name: 'process', include: ['test/process/**/*.test.ts'], testTimeout: 90_000 },
      },
      {
        resolve,
        ssr,
        test: {
          ...common,
          name: 'services',
          include: ['test/services/**/*.test.ts'],
          testTimeout: 240_000,
          fileParallelism: false,
        },
      },
    ],
  },
})
export default config
