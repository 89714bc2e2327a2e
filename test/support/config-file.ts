import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { type LoadedConfig, type LoadOptions, loadConfig } from '../../src/config/index.ts'
import { DrakkarError } from '../../src/model/index.ts'

/** A configuration file that is gone after the test; other files by name lie beside it. */
export function configFile(yaml: string, beside: Readonly<Record<string, string>> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'drakkar-config-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (const [name, text] of Object.entries({ ...beside, 'drakkar.yaml': yaml }))
    writeFileSync(join(folder, name), text)
  return join(folder, 'drakkar.yaml')
}

export const load = (
  yaml: string,
  env: LoadOptions['env'] = {},
  overrides: LoadOptions['overrides'] = {},
): Promise<LoadedConfig> => loadConfig({ path: configFile(yaml), env, overrides })

/** What is said about a configuration that is not valid, without the folder of its file. */
export async function complaints(
  yaml: string,
  env: LoadOptions['env'] = {},
  overrides: LoadOptions['overrides'] = {},
): Promise<string> {
  try {
    await load(yaml, env, overrides)
  } catch (error) {
    if (error instanceof DrakkarError && error.code === 'CONFIG_INVALID')
      return error.message.replaceAll(/\S*\/(?=drakkar\.yaml)/g, '')
    throw error
  }
  throw new Error('this configuration was taken as valid')
}
