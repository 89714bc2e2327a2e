import { kafkaTool } from '../kafka-tool.ts'

/** Changes settings of a topic. */
export async function alterTopic(
  brokers: string,
  topic: string,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  const what = ['--entity-type', 'topics', '--entity-name', topic]
  const how = Object.entries(settings).map(([name, value]) => `${name}=${value}`)
  await kafkaTool(
    'kafka.admin.ConfigCommand',
    '--bootstrap-server',
    brokers,
    '--alter',
    ...what,
    '--add-config',
    how.join(','),
  )
}
