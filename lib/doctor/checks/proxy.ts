import { BlockList, isIP } from 'node:net';
import { clientAddress } from '../../http/client-address.js';
import { isRecord } from '../../is-record.js';
import { type Check, type ForwardedSample, signsTokens } from '../check.js';
import { failed, passed, type Verdict, warned } from '../finding.js';
import { proxyPlatform } from '../surroundings.js';

const GUIDE = 'https://expressjs.com/en/guide/behind-proxies.html';
const NO_END =
  'every client gets around the rate limits, and chooses the address in events, by sending X-Forwarded-For';
const ONE_CLIENT =
  'all clients behind the proxy share one rate limit: one of them locks out all others';

/** Express' setting `trust proxy`, by which addresses of clients are found. */
export const trustProxy: Check = {
  name: 'trust_proxy',
  judge({ env, settings, application }) {
    return application?.apps.flatMap((app) => {
      const trusts = trustOf(app);
      if (!trusts) return [];
      if (trusts('192.0.2.1', MANY_HOPS))
        return failed('`trust proxy` trusts every address', {
          why: NO_END,
          fix: `set the number of proxies, app.set('trust proxy', 1), or their addresses: ${GUIDE}`,
        });
      const platform = proxyPlatform(env);
      if (trusts('127.0.0.1', 0) || trusts('10.0.0.1', 0) || !settings || !signsTokens(settings))
        return [];
      if (platform === undefined) return [];
      return warned(
        `\`trust proxy\` is off, on ${platform}, which has a proxy before the application`,
        {
          why: ONE_CLIENT,
          fix: `set the number of proxies, app.set('trust proxy', 1): ${GUIDE}`,
        },
      );
    });
  },
};

/** More proxies than there are anywhere. */
const MANY_HOPS = 50;

/** Which address becomes the client's, for a sample of what proxies really send. */
export const forwardedFor: Check = {
  name: 'forwarded_for',
  judge({ application }) {
    const { apps = [], forwarded } = application ?? {};
    if (!forwarded) return undefined;
    return apps.flatMap((app) => {
      const trusts = trustOf(app);
      return trusts ? judgeSample(trusts, forwarded) : [];
    });
  },
};

type Trust = (address: string, hop: number) => boolean;

/** A documentation address, which no proxy has. */
const FORGED = '192.0.2.66';

function judgeSample(trusts: Trust, { header, remote }: ForwardedSample): Verdict {
  const addresses = [...header.split(','), remote].map((text) => text.trim()).toReversed();
  const client = clientAmong(addresses, trusts);
  if (clientAmong([...addresses, FORGED], trusts) === FORGED)
    return failed(
      'a client can choose its address: `trust proxy` trusts more than the proxies of the sample',
      {
        why: NO_END,
        fix: cureFor(addresses),
      },
    );
  if (isInternal(client) && addresses.some((address) => !isInternal(address)))
    return failed(`the address of the client is taken to be ${client}, a proxy's`, {
      why: ONE_CLIENT,
      fix: cureFor(addresses),
    });
  return passed(`the address of the client is taken to be ${client}`);
}

/** As Express does it (proxy-addr): from the nearest on, the first that is no proxy. */
function clientAmong(addresses: readonly string[], trusts: Trust): string {
  const found = addresses.find((address, hop) => !trusts(address, hop)) ?? addresses.at(-1) ?? '';
  return clientAddress({ ip: found }) ?? found;
}

/** The nearest public address is the client's, unless it is that of a CDN. */
function cureFor(addresses: readonly string[]): string {
  const hops = addresses.findIndex((address) => !isInternal(address));
  const proxies = hops > 0 ? hops : addresses.length - 1;
  return `app.set('trust proxy', ${proxies}), unless ${addresses[proxies]} is a proxy of yours as well, such as a CDN's: then one more`;
}

const internal = new BlockList();
for (const [net, prefix] of [
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const)
  internal.addSubnet(net, prefix, 'ipv4');
internal.addAddress('::1', 'ipv6');
internal.addSubnet('fc00::', 7, 'ipv6');
internal.addSubnet('fe80::', 10, 'ipv6');

/** Whether an address is of one's own network, as those of proxies mostly are. */
function isInternal(text: string): boolean {
  const address = clientAddress({ ip: text }) ?? '';
  const family = isIP(address);
  return family !== 0 && internal.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

/** The function that Express makes of the setting. */
function trustOf(app: unknown): Trust | undefined {
  const settings: unknown = typeof app === 'function' ? Reflect.get(app, 'settings') : undefined;
  const trusts = isRecord(settings) ? settings['trust proxy fn'] : undefined;
  if (typeof trusts !== 'function') return undefined;
  return (address, hop) => Boolean(Reflect.apply(trusts, undefined, [address, hop]));
}
