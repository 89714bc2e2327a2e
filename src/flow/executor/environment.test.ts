import { describe, expect, it } from 'vitest'
import { baseEnvironment, globMatcher } from './environment.ts'

describe('the environment of tasks', () => {
  const parent = { PATH: '/bin', DB_PASSWORD: 'x', Api_Token: 'y', DRAKKAR_A: '1', HOME: '/root', GONE: undefined }
  const deny = ['DRAKKAR_*', '*PASSWORD*', '*TOKEN*']

  it('is the parent without what is denied, in any case, under executor.env', () => {
    const env = baseEnvironment({ parent, inheritParent: true, deny, env: { HOME: '/task', MY_TOKEN: 'wanted' } })
    expect(env).toEqual({ PATH: '/bin', HOME: '/task', MY_TOKEN: 'wanted' })
  })

  it('is executor.env alone where nothing is inherited', () => {
    expect(baseEnvironment({ parent, inheritParent: false, deny, env: { A: '1' } })).toEqual({ A: '1' })
  })

  it('takes globs literally but for *', () => {
    const denied = globMatcher(['A.B', '*_KEY', 'X[1]'])
    expect(['A.B', 'AxB', 'a.b', 'MY_KEY', 'MY_KEYS', 'X[1]', 'X1'].map(denied)).toEqual([
      true,
      false,
      true,
      true,
      false,
      true,
      false,
    ])
    expect(globMatcher([])('ANY')).toBe(false)
  })
})
