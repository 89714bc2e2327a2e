import { lookup as systemLookup } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import type { buildConnector } from 'undici'
import { type AddressRules, isMetadataName, refusedAddress } from '../../../lib/index.ts'
import { RefusedAddress } from './refused-address.ts'

type Build = typeof buildConnector
/** Opens a connection for undici. */
export type Connector = ReturnType<Build>
export type ConnectorOptions = NonNullable<Parameters<Build>[0]>

/**
 * A connector that looks at every address after it was resolved and before a connection to it is opened: so a name that
 * resolves to something else now than before (rebinding) and the target of a redirect are seen as well.
 */
export function guardedConnector(
  build: Build,
  options: ConnectorOptions,
  rules: AddressRules,
  lookup: LookupFunction = systemLookup as LookupFunction,
): Connector {
  const connect = build({ ...options, lookup: guardedLookup(rules, lookup) } as ConnectorOptions)
  return (target, callback) => {
    // An address in the URL is never looked up.
    const host = target.hostname.replace(/^\[|\]$/g, '')
    const refused = isIP(host) > 0 ? refusedAddress(host, rules) : isMetadataName(host) ? METADATA_NAME : null
    if (refused === null) connect(target, callback)
    else queueMicrotask(() => callback(new RefusedAddress(`${host} ${refused}`), null))
  }
}

const METADATA_NAME = 'is the name of a metadata service, where clouds keep credentials'

function guardedLookup(rules: AddressRules, lookup: LookupFunction): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, options, (error, address, family) => {
      if (error !== null) {
        callback(error, address, family)
        return
      }
      for (const found of typeof address === 'string' ? [address] : address.map((entry) => entry.address)) {
        const refused = refusedAddress(found, rules)
        if (refused === null) continue
        callback(new RefusedAddress(`${hostname} resolves to ${found}, which ${refused}`), '', 0)
        return
      }
      callback(null, address, family)
    })
  }
}
