import { type LookupAddress, lookup } from 'node:dns';
import { BlockList, type LookupFunction, isIP } from 'node:net';

/** Addresses of this machine itself and of what is on its links, such as services that tell a cloud's secrets. */
const nearby = {
  ipv4: [
    ['0.0.0.0', 8],
    ['127.0.0.0', 8],
    ['169.254.0.0', 16],
  ],
  ipv6: [
    ['::', 127],
    ['fe80::', 10],
  ],
} as const;

let nearbyList: BlockList | undefined;

/** Made when it is needed: it cannot be part of a snapshot (docs/adr/0009). */
function listOfNearby(): BlockList {
  if (nearbyList !== undefined) return nearbyList;
  nearbyList = new BlockList();
  for (const family of ['ipv4', 'ipv6'] as const) {
    for (const [net, prefix] of nearby[family]) nearbyList.addSubnet(net, prefix, family);
  }
  return nearbyList;
}

/** Whether an address is of this machine or of its links. Addresses of version 4 that are written as of 6 are told, too. */
export function isNearbyAddress(address: string): boolean {
  const version = isIP(address);
  if (version === 0) return false;
  return listOfNearby().check(address, version === 6 ? 'ipv6' : 'ipv4');
}

const errorCode = 'FIRN_NEARBY';

/** Whether an error is that of a connection that must not be made: nobody need try again. */
export function isNearbyError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === errorCode;
}

function refusal(host: string, address: string): Error {
  const message = `${host === address ? address : `'${host}' has the address ${address}, which`} is of this machine or its links, where nothing is fetched from`;
  return Object.assign(new Error(message), { code: errorCode });
}

/** Throws for a host that is written as an address which is not to be asked. */
export function requireDistantHost(host: string): void {
  const address = host.replace(/^\[(.*)\]$/, '$1');
  if (isNearbyAddress(address)) throw refusal(address, address);
}

/** As `dns.lookup`, for hosts that have no address which is not to be asked: what is looked up is what is connected to. */
export const lookupDistant: LookupFunction = (host, options, callback) => {
  lookup(host, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
    if (error !== null) return callback(error, '', 0);
    const refused = addresses.find(({ address }) => isNearbyAddress(address));
    if (refused !== undefined) return callback(refusal(host, refused.address), '', 0);
    if (options.all === true) return callback(null, addresses);
    const [first] = addresses;
    callback(null, first?.address ?? '', first?.family ?? 0);
  });
};
