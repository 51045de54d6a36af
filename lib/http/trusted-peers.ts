import { BlockList, isIP } from 'node:net';

/** Whether a connection comes from one of the listed addresses, e.g. from a proxy of ours. */
export type PeerCheck = (socket: object | undefined) => boolean;

/**
 * Prepares the question by a list of IP addresses and networks in CIDR notation. The address is that of the connection, which
 * no header can change. Throws a TypeError for what is neither, and for a network that everyone is in.
 */
export function createPeerCheck(setting: string, list: unknown): PeerCheck {
  if (!Array.isArray(list) || list.length === 0)
    throw new TypeError(`${setting} is a list with at least one address, such as ['10.0.3.7']`);
  const peers = new BlockList();
  for (const entry of list) addPeer(peers, { setting, entry });
  return (socket) => {
    const address = addressOf(socket);
    const family = isIP(address);
    // An IPv4 address within IPv6 (`::ffff:10.0.3.7`) is found among those of IPv4.
    return family !== 0 && peers.check(address, family === 4 ? 'ipv4' : 'ipv6');
  };
}

function addPeer(
  peers: BlockList,
  { setting, entry }: { readonly setting: string; readonly entry: unknown },
): void {
  const [, address = '', prefix] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(String(entry)) ?? [];
  const family = isIP(address);
  const bits = family === 4 ? 32 : 128;
  const length = prefix === undefined ? bits : Number(prefix);
  if (family === 0 || length > bits)
    throw new TypeError(
      `${setting} has ${JSON.stringify(entry)}, which is neither an IP address nor a network such as '10.0.3.0/24'`,
    );
  if (length === 0)
    throw new TypeError(`${setting} has ${JSON.stringify(entry)}, which every client is in`);
  peers.addSubnet(address, length, family === 4 ? 'ipv4' : 'ipv6');
}

/** Empty for a connection that is gone, and for a socket file, which has no address. */
function addressOf(socket: object | undefined): string {
  const { remoteAddress }: { readonly remoteAddress?: unknown } = socket ?? {};
  // The zone names a link of this machine (RFC 4007 §11).
  return typeof remoteAddress === 'string' ? remoteAddress.replace(/%.*$/, '') : '';
}
