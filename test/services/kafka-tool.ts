import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** Runs one of Kafka's own tools, for what the client has no call for. Takes a JVM's start. */
export async function kafkaTool(name: string, ...words: readonly string[]): Promise<string> {
  const jvm = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xmx128m', '-cp', `${installed()}/libs/*`]
  return (await promisify(execFile)('java', [...jvm, name, ...words])).stdout
}

/** Where scripts/services/kafka.sh has put Kafka. */
function installed(): string {
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'drakkar')
  const found = readdirSync(cache).find((name) => /^kafka-\d/.test(name) && existsSync(join(cache, name, 'complete')))
  if (found === undefined) throw new Error(`no Kafka in ${cache}: run scripts/services/kafka.sh install`)
  return join(cache, found)
}
