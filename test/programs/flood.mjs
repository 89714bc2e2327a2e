// Writes as many bytes to stdout (or stderr) as told: node flood.mjs <bytes> [stderr]
const stream = process.argv[3] === 'stderr' ? process.stderr : process.stdout
let left = Number(process.argv[2])
let line = 0
const write = () => {
  while (left > 0) {
    const chunk = Buffer.from(`line ${line++} `.padEnd(63, '.') + '\n').subarray(0, left)
    left -= chunk.length
    if (!stream.write(chunk)) return stream.once('drain', write)
  }
}
write()
