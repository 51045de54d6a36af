import { BlockList, isIP } from 'node:net';

/** Special-purpose ranges that lead into somebody's network, or nowhere (IANA registry, RFC 6890). */
const PRIVATE_V4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
  // Public by its number, and Azure's own service for the machine that asks.
  ['168.63.129.16', 32],
];

/** Ranges within 2000::/3, outside of which no address is a public one. */
const PRIVATE_V6: readonly (readonly [string, number])[] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
];

const privateV4 = new BlockList();
for (const [net, prefix] of PRIVATE_V4) privateV4.addSubnet(net, prefix, 'ipv4');
const privateV6 = new BlockList();
for (const [net, prefix] of PRIVATE_V6) privateV6.addSubnet(net, prefix, 'ipv6');
const unicastV6 = new BlockList();
unicastV6.addSubnet('2000::', 3, 'ipv6');
/** IPv4 addresses within IPv6: mapped (RFC 4291 §2.5.5.2), and behind a NAT64 (RFC 6052 §2.1), where IPv6-only machines find the public ones. */
const holdsV4 = new BlockList();
holdsV4.addSubnet('::ffff:0:0', 96, 'ipv6');
holdsV4.addSubnet('64:ff9b::', 96, 'ipv6');

/**
 * Whether an IP address is anything but a public one: private, shared, loopback, link-local (the metadata services of clouds among
 * them), unspecified, multicast, reserved, or an IPv6 address that stands for such an IPv4 address. True for what is no address.
 */
export function isPrivateAddress(address: string): boolean {
  // A zone belongs to a link (RFC 4007 §11).
  if (address.includes('%')) return true;
  const family = isIP(address);
  if (family === 4) return privateV4.check(address, 'ipv4');
  if (family !== 6) return true;
  if (holdsV4.check(address, 'ipv6')) return privateV4.check(lastFourBytes(address), 'ipv4');
  return !unicastV6.check(address, 'ipv6') || privateV6.check(address, 'ipv6');
}

/** The IPv4 address at the end of an IPv6 address. */
function lastFourBytes(address: string): string {
  // A URL writes each address in one way, without dots (RFC 5952 as WHATWG has it).
  const groups = new URL(`http://[${address}]`).hostname.slice(1, -1).split(':');
  const [high = 0, low = 0] = groups.slice(-2).map((group) => Number.parseInt(group || '0', 16));
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

/** The address that a host name of a URL is by itself; undefined for a name that has to be looked up. */
export function addressIn(hostname: string): string | undefined {
  const bare = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  return isIP(bare) === 0 ? undefined : bare;
}
