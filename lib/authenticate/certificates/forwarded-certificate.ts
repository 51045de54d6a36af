import { X509Certificate } from 'node:crypto';
import { thumbprintOf } from './thumbprint.js';

/**
 * How a proxy writes the client's certificate into a header: RFC 9440 (`Client-Cert`), one PEM block percent-encoded (nginx,
 * `$ssl_client_escaped_cert`), Envoy's `X-Forwarded-Client-Cert`, or AWS load balancers' `X-Amzn-Mtls-Clientcert` and `-Leaf`.
 */
export type CertificateFormat = 'rfc9440' | 'pem-url-encoded' | 'xfcc' | 'aws';

export const certificateFormats: readonly CertificateFormat[] = [
  'rfc9440',
  'pem-url-encoded',
  'xfcc',
  'aws',
];

/** The thumbprint of a certificate in a header; undefined for anything but exactly one client's certificate. */
type ForwardedReader = (value: string) => string | undefined;

/** Longer than a certificate in PEM ever is, its chain included. Node itself takes 16 kB of headers. */
const MAX_LENGTH = 16_384;

const readers: Readonly<Record<CertificateFormat, ForwardedReader>> = {
  rfc9440: (value) => ofDer(/^:([A-Za-z\d+/]+={0,2}):$/.exec(value)?.[1]),
  'pem-url-encoded': (value) => ofPem(value, 'one'),
  xfcc: ofEnvoy,
  // The chain of a client begins with its own certificate.
  aws: (value) => ofPem(value, 'first'),
};

/** Reads the certificate that a proxy has put into a header. Verifies nothing: that is the proxy's part. */
export function readForwarded(format: CertificateFormat, value: string): string | undefined {
  return value.length > MAX_LENGTH ? undefined : readers[format](value);
}

function ofPem(encoded: string, which: 'one' | 'first'): string | undefined {
  const text = percentDecoded(encoded);
  const [first, ...others] = text === undefined ? [] : pemBlocks(text);
  return others.length > 0 && which === 'one' ? undefined : ofDer(first);
}

const PEM_BLOCK =
  /-----BEGIN CERTIFICATE-----\r?\n((?:[A-Za-z\d+/]+={0,2}\r?\n)+)-----END CERTIFICATE-----(?:\r?\n|$)/g;

/** The base64 of each block; none when there is anything else. */
function pemBlocks(text: string): readonly string[] {
  const isPemOnly = text.replaceAll(PEM_BLOCK, '').trim() === '';
  if (!isPemOnly) return [];
  return [...text.matchAll(PEM_BLOCK)].map(([, lines = '']) => lines.replaceAll(/\r?\n/g, ''));
}

/** `+` is itself: neither nginx nor AWS writes a space in this way. */
function percentDecoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** Of bytes that are one certificate and nothing more. */
function ofDer(base64: string | undefined): string | undefined {
  if (base64 === undefined) return undefined;
  const der = Buffer.from(base64, 'base64');
  try {
    return new X509Certificate(der).raw.equals(der) ? thumbprintOf(der) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * One element, since a second one is of a proxy or a client before it, and `Hash` (SHA-256 in hex) or `Cert`, which must agree.
 * Envoy writes the names of a certificate unquoted in places, so that one may pretend to be another pair: no pair counts that
 * there are two of.
 */
function ofEnvoy(value: string): string | undefined {
  const pairs = envoyPairs(value);
  const hashes = pairs?.filter(([name]) => name === 'hash') ?? [];
  const certificates = pairs?.filter(([name]) => name === 'cert') ?? [];
  if (hashes.length > 1 || certificates.length > 1) return undefined;
  const [[, hash] = []] = hashes;
  const [[, certificate] = []] = certificates;
  const byHash = hash === undefined ? undefined : ofHash(hash);
  const byCertificate = certificate === undefined ? undefined : ofPem(certificate, 'one');
  if (hash !== undefined && certificate !== undefined)
    return byHash === byCertificate ? byHash : undefined;
  return byHash ?? byCertificate;
}

function ofHash(hex: string): string | undefined {
  return /^[\da-f]{64}$/i.test(hex) ? Buffer.from(hex, 'hex').toString('base64url') : undefined;
}

const ENVOY_PAIR = /([A-Za-z]+)=("(?:[^"\\]|\\.)*"|[^",;]*)(?:;|$)/y;

/** Names, in lower case, and values of the only element; undefined when there are several, or anything else. */
function envoyPairs(value: string): readonly (readonly [string, string])[] | undefined {
  const pairs: (readonly [string, string])[] = [];
  for (let at = 0; at < value.length;) {
    ENVOY_PAIR.lastIndex = at;
    const [whole, name = '', text = ''] = ENVOY_PAIR.exec(value) ?? [];
    if (whole === undefined) return undefined;
    const isQuoted = text.startsWith('"');
    pairs.push([
      name.toLowerCase(),
      isQuoted ? text.slice(1, -1).replaceAll(/\\(.)/g, '$1') : text,
    ]);
    at += whole.length;
  }
  return pairs;
}
