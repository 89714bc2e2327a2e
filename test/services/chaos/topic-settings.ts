import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** Changes settings of a topic with Kafka's own tool, which the client has no call for. Takes a JVM's start. */
export async function alterTopic(
  brokers: string,
  topic: string,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  const jvm = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xmx128m', '-cp', `${installed()}/libs/*`]
  const what = ['--entity-type', 'topics', '--entity-name', topic]
  const how = Object.entries(settings).map(([name, value]) => `${name}=${value}`)
  const words = ['--bootstrap-server', brokers, '--alter', ...what, '--add-config', how.join(',')]
  await promisify(execFile)('java', [...jvm, 'kafka.admin.ConfigCommand', ...words])
}

/** Where scripts/services/kafka.sh has put Kafka. */
function installed(): string {
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'drakkar')
  const found = readdirSync(cache).find((name) => /^kafka-\d/.test(name) && existsSync(join(cache, name, 'complete')))
  if (found === undefined) throw new Error(`no Kafka in ${cache}: run scripts/services/kafka.sh install`)
  return join(cache, found)
}
