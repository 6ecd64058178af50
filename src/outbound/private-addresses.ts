/** Addresses that are not the public Internet: an account's URL must not make this process speak to them. */
import { BlockList, isIP } from 'node:net';

/** The special-purpose blocks of IANA's registries, but for those that are global; and multicast. */
const IPV4_BLOCKS: [address: string, prefix: number][] = [
  ['0.0.0.0', 8], // this network
  ['10.0.0.0', 8],
  ['100.64.0.0', 10], // carrier-grade NAT
  ['127.0.0.0', 8], // loopback
  ['169.254.0.0', 16], // link-local, and the clouds' metadata
  ['172.16.0.0', 12],
  ['192.0.0.0', 24], // protocol assignments
  ['192.0.2.0', 24], // documentation
  ['192.31.196.0', 24], // AS112
  ['192.52.193.0', 24], // AMT
  ['192.88.99.0', 24], // 6to4 relays
  ['192.168.0.0', 16],
  ['192.175.48.0', 24], // AS112
  ['198.18.0.0', 15], // benchmarks
  ['198.51.100.0', 24], // documentation
  ['203.0.113.0', 24], // documentation
  ['224.0.0.0', 4], // multicast
  ['240.0.0.0', 4], // reserved, and broadcast
];

/** Of IPv6 only 2000::/3 is given out; of that, what leads into IPv4 or nowhere is left out too. */
const IPV6_BLOCKS: [address: string, prefix: number][] = [
  ['::', 3], // unspecified, loopback, mapped and compatible IPv4, NAT64, discard-only
  ['2001::', 23], // protocol assignments, Teredo, ORCHID
  ['2001:db8::', 32], // documentation
  ['2002::', 16], // 6to4
  ['3fff::', 20], // documentation
  ['4000::', 2],
  ['8000::', 1], // unique local, link-local, site-local, multicast
];

// Two lists: in one, an IPv4 address would be looked up among the mapped ones of IPv6 too, which are all blocked.
const BLOCKED = { 4: listOf(IPV4_BLOCKS, 'ipv4'), 6: listOf(IPV6_BLOCKS, 'ipv6') };

function listOf(blocks: [address: string, prefix: number][], family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList();
  for (const [address, prefix] of blocks) list.addSubnet(address, prefix, family);
  return list;
}

/** True for an IP address that is not public; also for what is no IP address at all. */
export function isPrivateAddress(address: string): boolean {
  const [bare] = address.split('%', 1) as [string];
  const family = isIP(bare);
  if (family === 0) return true;
  return family === 4 ? BLOCKED[4].check(bare, 'ipv4') : BLOCKED[6].check(bare, 'ipv6');
}

/** True for a URL's host that needs no name server to be known as private: an address in any writing, `localhost`. */
export function isPrivateHost(hostname: string): boolean {
  const bare = hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
  if (isIP(bare) !== 0) return isPrivateAddress(bare);
  return bare === 'localhost' || bare.endsWith('.localhost');
}
