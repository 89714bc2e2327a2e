import { connect } from 'node:net'
import { type Finding, ok, problem } from './finding.ts'

const TCP_MS = 3_000
const DEFAULT_PORT = 9092

/** Whether something listens at each bootstrap address: a connection, nothing more. */
export function addressFindings(label: string, brokers: string): Promise<readonly Finding[]> {
  const addresses = brokers
    .split(',')
    .map((address) => address.trim())
    .filter((address) => address !== '')
  return Promise.all(addresses.map((address) => addressFinding(label, address)))
}

async function addressFinding(label: string, address: string): Promise<Finding> {
  const { host, port } = parse(address)
  const failed = await unreachable(host, port)
  const subject = 'brokers'
  if (failed === null) return ok(subject, `${label}: ${address} can be reached`)
  return problem(subject, `${label}: ${address} ${failed.says}`, failed.advice)
}

/** `host:port`, `SSL://host:port`, `[::1]:port`. */
function parse(address: string): { readonly host: string; readonly port: number } {
  const { hostname, port } = URL.parse(`x://${address.replace(/^\w+:\/\//, '')}`) ?? { hostname: address, port: '' }
  return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? DEFAULT_PORT : Number(port) }
}

function unreachable(host: string, port: number): Promise<{ says: string; advice: string } | null> {
  return new Promise((answer) => {
    const socket = connect({ host, port })
    const end = (failed: { says: string; advice: string } | null): void => {
      socket.destroy()
      answer(failed)
    }
    socket.setTimeout(TCP_MS, () =>
      end({
        says: `does not answer within ${TCP_MS / 1000} s`,
        advice: 'Something drops the connection: a firewall, a security group, a wrong network.',
      }),
    )
    socket.once('connect', () => end(null))
    socket.once('error', (error: NodeJS.ErrnoException) => end(explained(error, host, port)))
  })
}

function explained(error: NodeJS.ErrnoException, host: string, port: number): { says: string; advice: string } {
  if (error.code === 'ENOTFOUND' || error.code === 'EAI_AGAIN') {
    return {
      says: `has no address: the name ${host} is not known here`,
      advice: 'Correct the name, or the DNS of this machine.',
    }
  }
  if (error.code === 'ECONNREFUSED') {
    const advice = `Nothing listens on port ${port}: start the broker, or correct kafka.brokers.`
    return { says: 'refuses the connection', advice }
  }
  return {
    says: `cannot be reached (${error.code ?? error.message})`,
    advice: 'Check the network between here and there.',
  }
}
