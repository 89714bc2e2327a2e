import { BlockList, isIPv6 } from 'node:net'

/** Which addresses are refused besides those that are always: of clouds' metadata services, and link-local ones. */
export interface AddressRules {
  /** 10/8, 172.16/12, 192.168/16, 100.64/10, fc00::/7 and the like. */
  readonly refusePrivate: boolean
  /** 127/8, ::1, and 0.0.0.0. */
  readonly refuseLoopback: boolean
}

type Range = readonly [network: string, prefix: number]

const METADATA: readonly Range[] = [
  ['169.254.0.0', 16],
  ['fe80::', 10],
  ['fd00:ec2::254', 128],
  ['fd20:ce::254', 128],
  ['fd00:42::42', 128],
  ['100.100.100.200', 32],
  ['168.63.129.16', 32],
  ['192.0.0.192', 32],
]
const METADATA_NAMES = new Set(['metadata.google.internal', 'metadata.packet.net'])
const PRIVATE: readonly Range[] = [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['100.64.0.0', 10],
  ['192.0.0.0', 24],
  ['198.18.0.0', 15],
  ['fc00::', 7],
  ['fec0::', 10],
]
const LOOPBACK: readonly Range[] = [
  ['127.0.0.0', 8],
  ['0.0.0.0', 8],
  ['::1', 128],
  ['::', 128],
]

const metadata = listOf(METADATA)
const privates = listOf(PRIVATE)
const loopback = listOf(LOOPBACK)

/**
 * Why no request may go to this address; null where it may. IPv6 addresses that carry an IPv4 one (mapped, translated by
 * NAT64, 6to4) are judged by that.
 */
export function refusedAddress(address: string, rules: AddressRules): string | null {
  const plain = address.replace(/%.*$/, '')
  for (const form of [plain, ...embeddedIPv4(plain)]) {
    if (contains(metadata, form)) return 'is link-local, where clouds keep credentials'
    if (rules.refuseLoopback && contains(loopback, form)) return 'is this machine itself (refuse_loopback)'
    if (rules.refusePrivate && contains(privates, form)) return 'is private (refuse_private)'
  }
  return null
}

/** Whether a host name is that of a metadata service, whatever it resolves to. */
export const isMetadataName = (host: string): boolean => METADATA_NAMES.has(host.toLowerCase().replace(/\.$/, ''))

function listOf(ranges: readonly Range[]): BlockList {
  const list = new BlockList()
  for (const [network, prefix] of ranges) list.addSubnet(network, prefix, isIPv6(network) ? 'ipv6' : 'ipv4')
  return list
}

const contains = (list: BlockList, address: string): boolean => list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')

function embeddedIPv4(address: string): string[] {
  if (!isIPv6(address)) return []
  const words = wordsOf(address)
  const mapped = words.slice(0, 5).every((word) => word === 0) && (words[5] === 0xffff || words[5] === 0)
  const nat64 = words[0] === 0x64 && words[1] === 0xff9b
  const found: string[] = []
  if (mapped || nat64) found.push(dotted(words[6], words[7]))
  if (words[0] === 0x2002) found.push(dotted(words[1], words[2]))
  return found
}

/** The eight numbers of an IPv6 address. */
function wordsOf(address: string): number[] {
  // The URL parser writes every form of it in one way, without dots.
  const plain = new URL(`http://[${address}]`).hostname.slice(1, -1)
  const [head = '', tail] = plain.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const gap = tail === undefined ? 0 : 8 - left.length - right.length
  return [...left, ...Array<string>(gap).fill('0'), ...right].map((word) => Number.parseInt(word, 16))
}

function dotted(high = 0, low = 0): string {
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}
