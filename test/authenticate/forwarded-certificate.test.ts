import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  type CertificateFormat,
  readForwarded,
} from '../../lib/authenticate/certificates/forwarded-certificate.js';

/** The client's certificate of RFC 9440, appendix A. */
const BASE64 =
  'MIIBqDCCAU6gAwIBAgIBBzAKBggqhkjOPQQDAjA6MRswGQYDVQQKDBJMZXQncyBBdXRoZW50aWNhdGUxGzAZBgNVBAMMEkxBIEludGVybWVkaWF0ZSBDQTAeFw0yMDAxMTQyMjU1MzNaFw0yMTAxMjMyMjU1MzNaMA0xCzAJBgNVBAMMAkJDMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8YnXXfaUgmnMtOXU/IncWalRhebrXmckC8vdgJ1p5Be5F/3YC8OthxM4+k1M6aEAEFcGzkJiNy6J84y7uzo9M6NyMHAwCQYDVR0TBAIwADAfBgNVHSMEGDAWgBRm3WjLa38lbEYCuiCPct0ZaSED2DAOBgNVHQ8BAf8EBAMCBsAwEwYDVR0lBAwwCgYIKwYBBQUHAwIwHQYDVR0RAQH/BBMwEYEPYmRjQGV4YW1wbGUuY29tMAoGCCqGSM49BAMCA0gAMEUCIBHda/r1vaL6G3VliL4/Di6YK0Q6bMjeSkC3dFCOOB8TAiEAx/kHSB4urmiZ0NX5r5XarmPk0wmuydBVoU4hBVZ1yhk=';
const DER = Buffer.from(BASE64, 'base64');
const digest = (encoding: 'base64url' | 'hex') => createHash('sha256').update(DER).digest(encoding);
const THUMBPRINT = digest('base64url');
const HASH = digest('hex');

const PEM = `-----BEGIN CERTIFICATE-----\n${BASE64.replaceAll(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
/** As nginx writes `$ssl_client_escaped_cert`: everything but letters, digits, `-`, `.`, `_` and `~`. */
const NGINX = encodeURIComponent(PEM);
/** As AWS writes it: `+`, `=` and `/` stay. */
const AWS = NGINX.replaceAll('%2B', '+').replaceAll('%3D', '=').replaceAll('%2F', '/');
/** The examples of Envoy's documentation, with the hash of this certificate. */
const BY = 'By=http://frontend.lyft.com';
const SUBJECT = 'Subject="/C=US/ST=CA/L=San Francisco/OU=Lyft/CN=Test Client"';
const URI = 'URI=http://testclient.lyft.com';

it.each<{ title: string; format: CertificateFormat; value: string }>([
  { title: 'RFC 9440', format: 'rfc9440', value: `:${BASE64}:` },
  { title: 'nginx', format: 'pem-url-encoded', value: NGINX },
  {
    title: 'nginx, with line ends of Windows',
    format: 'pem-url-encoded',
    value: encodeURIComponent(PEM.replaceAll('\n', '\r\n')),
  },
  {
    title: 'nginx, without the last line end',
    format: 'pem-url-encoded',
    value: encodeURIComponent(PEM.trimEnd()),
  },
  { title: 'AWS in verify mode', format: 'aws', value: AWS },
  { title: 'AWS in passthrough mode, with the chain', format: 'aws', value: AWS + AWS },
  { title: 'Envoy by hash', format: 'xfcc', value: `${BY};Hash=${HASH};${SUBJECT};${URI}` },
  { title: 'Envoy by hash, in other letters', format: 'xfcc', value: `hash=${HASH.toUpperCase()}` },
  { title: 'Envoy by certificate', format: 'xfcc', value: `Cert="${NGINX}";${SUBJECT}` },
  {
    title: 'Envoy by both, which agree',
    format: 'xfcc',
    value: `${BY};Hash=${HASH};Cert="${NGINX}";${SUBJECT};${URI};DNS=lyft.com;DNS=www.lyft.com`,
  },
  { title: 'Envoy with its chain', format: 'xfcc', value: `Hash=${HASH};Chain="${NGINX}${NGINX}"` },
  {
    title: 'Envoy with quotes in a name',
    format: 'xfcc',
    value: `Subject="CN=a\\",Hash=0;b";Hash=${HASH}`,
  },
])('the header of $title is read', ({ format, value }) => {
  expect(readForwarded(format, value)).toBe(THUMBPRINT);
});

const wrong = Object.entries({
  rfc9440: {
    'no colons': BASE64,
    'two certificates': `:${BASE64}:, :${BASE64}:`,
    'parameters behind it': `:${BASE64}:;a=1`,
    'base64 that is no certificate': ':TUlJQg==:',
    'something behind the certificate': `:${Buffer.concat([DER, Buffer.of(0)]).toString('base64')}:`,
    'PEM in base64': `:${Buffer.from(PEM).toString('base64')}:`,
    'an empty sequence': '::',
    PEM: NGINX,
  },
  'pem-url-encoded': {
    'two certificates': NGINX + NGINX,
    'something before it': `a%0A${NGINX}`,
    'something behind it': `${NGINX}a`,
    'broken escapes': `${NGINX}%`,
    'another kind of PEM': NGINX.replaceAll('CERTIFICATE', 'PUBLIC%20KEY'),
    'half a certificate': encodeURIComponent(PEM.replace(BASE64.slice(0, 64), '')),
    'only a hash': HASH,
    nothing: '',
  },
  aws: {
    'no certificate': '-----BEGIN%20CERTIFICATE-----%0A-----END%20CERTIFICATE-----%0A',
    nothing: '',
  },
  xfcc: {
    'two elements': `${BY};Hash=${HASH};${URI},By=http://backend.lyft.com;Hash=${HASH}`,
    'an element of the client before it': `Hash=${HASH},Hash=${'0'.repeat(64)}`,
    'two hashes': `Hash=${HASH};Hash=${HASH}`,
    'a URI that pretends to be a hash': `Hash=${'0'.repeat(64)};URI=spiffe://a;Hash=${HASH}`,
    'a URI that pretends to be a certificate': `Hash=${'0'.repeat(64)};URI=spiffe://a;Cert=${NGINX}`,
    'a hash of another length': `Hash=${HASH.slice(2)}`,
    'a hash in base64url': `Hash=${THUMBPRINT}`,
    'a certificate of two': `Cert="${NGINX}${NGINX}"`,
    'a quote without end': `Subject="a;Hash=${HASH}`,
    'text behind a quote': `Subject="a"b;Hash=${HASH}`,
    'neither hash nor certificate': `${BY};${SUBJECT}`,
    'no pair': HASH,
    nothing: '',
  },
} satisfies Record<CertificateFormat, Record<string, string>>).flatMap(([format, values]) =>
  Object.entries(values).map(([title, value]) => ({ format, title, value })),
);

describe.each(wrong)('$format with $title', ({ format, value }) => {
  it('is no certificate', () => {
    expect(readForwarded(format as CertificateFormat, value)).toBeUndefined();
  });
});

it('a header over 16 kB is not looked into', () => {
  const filler = (length: number) => `Chain="${'a'.repeat(length)}";Hash=${HASH}`;
  const frame = filler(0).length;
  expect(readForwarded('xfcc', filler(16_384 - frame))).toBe(THUMBPRINT);
  expect(readForwarded('xfcc', filler(16_385 - frame))).toBeUndefined();
});
