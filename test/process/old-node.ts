import { spawnSync } from 'node:child_process'
import { delimiter, join } from 'node:path'

/** A Node of this machine that is older than what the package needs: from `DRAKKAR_OLD_NODE`, or anywhere in PATH. */
export function findOldNode(): { readonly path: string; readonly version: string } | null {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/usr/local/bin']
  const candidates = [process.env['DRAKKAR_OLD_NODE'] ?? '', ...folders.map((folder) => join(folder, 'node'))]
  for (const path of new Set(candidates.filter((candidate) => candidate !== ''))) {
    const answer = spawnSync(path, ['-p', 'process.versions.node'], { encoding: 'utf8' })
    const version = answer.stdout?.trim() ?? ''
    if (answer.status === 0 && Number.parseInt(version, 10) < 24) return { path, version }
  }
  process.stderr.write(
    'SKIPPED: no Node older than 24 in PATH; name one in DRAKKAR_OLD_NODE to test what the bin tells it\n',
  )
  return null
}
