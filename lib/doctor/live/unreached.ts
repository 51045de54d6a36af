import { TooLargeError } from '../../http/bounded-fetch.js';
import { PrivateAddressError } from '../../http/public-fetch.js';
import { chainOf, codeOf, reasonOf } from '../../stores/failures/failure-reasons.js';
import type { Finding } from '../finding.js';
import { fail } from './outcomes.js';

interface Trouble {
  readonly says: string;
  readonly fix: string;
}

const PROXY =
  'if this machine reaches the internet only through a proxy, set HTTPS_PROXY and NODE_USE_ENV_PROXY=1 (Node 22.21 or later)';

const byReason: Readonly<Record<string, Trouble>> = {
  host: {
    says: 'its host name is not found',
    fix: `check the spelling of the host and the DNS of this machine; ${PROXY}`,
  },
  refused: {
    says: 'nothing accepts connections there',
    fix: `check host, port and firewall, and that the server runs; ${PROXY}`,
  },
  tls: {
    says: "its certificate is not trusted, or it doesn't speak TLS there",
    fix: 'let it send its whole chain of certificates; for a certificate authority of your own set NODE_EXTRA_CA_CERTS to the file with its certificate',
  },
  timeout: {
    says: 'it did not answer within 5 seconds',
    fix: `check firewall and network; ${PROXY}`,
  },
  connection: {
    says: 'it broke the connection off',
    fix: 'check the port, whether it wants https, and what is between',
  },
};

const byCode: Readonly<Record<string, Trouble>> = {
  CERT_HAS_EXPIRED: {
    says: 'its certificate has expired',
    fix: 'renew the certificate there, and check the clock of this machine',
  },
  CERT_NOT_YET_VALID: {
    says: 'its certificate is not valid yet',
    fix: 'check the clock of this machine, and the certificate there',
  },
  ERR_TLS_CERT_ALTNAME_INVALID: {
    says: 'its certificate is for another host name',
    fix: 'use the name that the certificate has, or have one issued for this name',
  },
};

/** What is wrong with a server that gave no answer. Names the code of the network, and nothing that was sent. */
export function unreached(
  check: string,
  what: string,
  { error, why }: { readonly error: unknown; readonly why: string },
): Finding {
  return fail(check, { ...troubleWith(what, error), why });
}

/** Says that something can't be reached, why not, and what to look at. */
export function troubleWith(what: string, error: unknown): Trouble {
  const { says, fix } = troubleOf(error);
  const code = chainOf(error)
    .flatMap((link) => codeOf(link) ?? [])
    .find((each) => /^[A-Z][A-Z\d_]{2,63}$/.test(each));
  const named = code === undefined ? says : `${says} (${code})`;
  return { says: `${what} can't be reached: ${named}`, fix };
}

function troubleOf(error: unknown): Trouble {
  const codes = chainOf(error).flatMap((link) => codeOf(link) ?? []);
  const known = codes.map((code) => byCode[code]).find((trouble) => trouble !== undefined);
  if (known) return known;
  if (error instanceof PrivateAddressError)
    return {
      says: 'its address is within a private network',
      fix: 'name its host in AUTH_INTERNAL_HOSTS if it is yours',
    };
  if (error instanceof TooLargeError)
    return { says: 'its answer exceeds 1 MB', fix: 'check that the URL is the right one' };
  // Nothing was sent: the URL may not be fetched from.
  if (error instanceof TypeError && error.cause === undefined)
    return {
      says: 'its URL may not be fetched from',
      fix: 'use https; a host of a private network that has http only is named in AUTH_JWKS_ALLOW_HTTP',
    };
  return (
    byReason[reasonOf(error)] ?? {
      says: 'the request failed',
      fix: `try it from this machine with curl; ${PROXY}`,
    }
  );
}
