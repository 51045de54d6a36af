import { isIP, isIPv4, SocketAddress } from 'node:net';

/** As much of a request as its address takes. Express sets `ip`, and honours `trust proxy` in it. */
interface Addressed {
  readonly ip?: unknown;
  readonly socket?: { readonly remoteAddress?: string | undefined };
}

/**
 * Returns the client's IP address in one spelling: without port, brackets, quotes and zone, IPv6 compressed and in
 * lower case (RFC 5952), IPv4 in IPv6 as IPv4. Proxies write all of these into `X-Forwarded-For` (RFC 7239 §6; Azure
 * Application Gateway adds the port). Text that is no address counts as the address of the connection, so that a
 * client can't choose a new one for each request. Undefined when the connection is gone, or Express has not seen the
 * request.
 */
export function clientAddress({ ip, socket }: Addressed): string | undefined {
  if (typeof ip !== 'string') return undefined;
  return oneSpelling(ip) ?? oneSpelling(socket?.remoteAddress ?? '');
}

/**
 * The part of an address that one subscriber has: of IPv6 the /64, for a new address there costs nothing; of IPv4 all of it. Takes the
 * spelling of {@link clientAddress}.
 */
export function subscriberOf(address: string): string {
  if (!address.includes(':')) return address;
  // The zeros that `::` stands for are groups of their own again.
  const [head = '', tail = ''] = address.split('::');
  const last = tail === '' ? 0 : tail.split(':').length;
  const groups = [...head.split(':'), ...Array.from({ length: 8 }, () => '0')].slice(0, 8 - last);
  return [...groups, ...tail.split(':')].slice(0, 4).join(':');
}

function oneSpelling(text: string): string | undefined {
  // What connections nearly always come as, a server on `::` included; nothing has to be parsed then.
  const plain = text.startsWith('::ffff:') ? text.slice(7) : text;
  if (isIPv4(plain)) return plain;
  const address = withoutPort(text.trim().replaceAll('"', '')).replace(/%.*$/, '');
  if (isIP(address) !== 6) return isIPv4(address) ? address : undefined;
  const { address: compressed } = new SocketAddress({ address, family: 'ipv6' });
  const embedded = compressed.replace(/^::ffff:/, '');
  return isIPv4(embedded) ? embedded : compressed;
}

/** Ports are digits, or a name that begins with an underscore (RFC 7239 §6.3). */
function withoutPort(text: string): string {
  const bracketed = /^\[([^\]]*)\](?::[\w.-]+)?$/.exec(text)?.[1];
  // An IPv6 address without brackets ends in colons and digits itself, unless its end is written as IPv4.
  return bracketed ?? /^(.*\.\d+):[\w.-]+$/.exec(text)?.[1] ?? text;
}
