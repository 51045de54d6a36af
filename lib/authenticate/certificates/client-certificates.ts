import { isFieldName } from '../../http/field-names.js';
import { isRepeated } from '../../http/repeated-fields.js';
import { createPeerCheck } from '../../http/trusted-peers.js';
import { isRecord } from '../../is-record.js';
import { refuseUnknownOptions } from '../../known-options.js';
import type { RequestHead } from '../credentials.js';
import {
  type CertificateFormat,
  certificateFormats,
  readForwarded,
} from './forwarded-certificate.js';
import { thumbprintOf } from './thumbprint.js';

/** Where the certificate of a client is that has proven to hold its key, in a TLS handshake with us or with a proxy of ours. */
export type ClientCertificateOptions =
  /** Node terminates TLS itself: `https.createServer({ requestCert: true })`. */
  | { readonly from: 'tls' }
  | {
      /** The header in which the proxy sends it on, e.g. `'Client-Cert'`. The proxy must remove what clients send in it. */
      readonly header: string;
      /** How the proxy writes it. */
      readonly format: CertificateFormat;
      /**
       * Addresses and networks (CIDR) of the proxies: a header on a connection from elsewhere does not count. At least one. Behind
       * several proxies it is the last one that connects to us.
       */
      readonly trustedProxies: readonly string[];
    };

/** The thumbprint of a request's client certificate (RFC 8705 §3.1); undefined where there is none that counts. */
export type ThumbprintReader = (request: RequestHead) => string | undefined;

/**
 * Prepares where client certificates are looked for. Whether an authority has signed them is judged where TLS ends: for tokens that
 * are bound to a certificate it does not matter (RFC 8705 §2.2). Throws a TypeError for options that would trust every client.
 */
export function createThumbprintReader(options: ClientCertificateOptions): ThumbprintReader {
  if (isRecord(options) && 'from' in options) return readerOfTls(options);
  refuseUnknownOptions('createAuth({ clientCertificates })', options, [
    'header',
    'format',
    'trustedProxies',
  ]);
  const { header, format, trustedProxies } = options;
  if (typeof header !== 'string' || !isFieldName(header))
    throw new TypeError(
      "createAuth({ clientCertificates }): `header` is the name of a header, such as 'Client-Cert'; or write { from: 'tls' }",
    );
  if (!certificateFormats.includes(format))
    throw new TypeError(
      `createAuth({ clientCertificates }): \`format\` is one of ${certificateFormats.join(', ')}`,
    );
  const isProxy = createPeerCheck('`clientCertificates.trustedProxies`', trustedProxies);
  const field = header.toLowerCase();
  const recall = createRecall((value: string) => readForwarded(format, value));
  return ({ headers, rawHeaders, socket }) => {
    const value = headers[field];
    if (socket === undefined || typeof value !== 'string') return undefined;
    if (!isProxy(socket) || isRepeated(rawHeaders, field)) return undefined;
    return recall(socket, value);
  };
}

function readerOfTls(options: object): ThumbprintReader {
  refuseUnknownOptions('createAuth({ clientCertificates })', options, ['from']);
  const { from }: { readonly from?: unknown } = options;
  if (from !== 'tls')
    throw new TypeError("createAuth({ clientCertificates }): `from` can only be 'tls'");
  const recall = createRecall(peerThumbprint);
  return ({ socket }) => (socket && isTlsSocket(socket) ? recall(socket, socket) : undefined);
}

/** Remembers the last answer for each connection: a client keeps its certificate, and a proxy sends one client's requests in a row. */
function createRecall<Question>(read: (question: Question) => string | undefined) {
  const last = new WeakMap<object, { readonly question: Question; readonly answer?: string }>();
  return (socket: object, question: Question): string | undefined => {
    const known = last.get(socket);
    if (known?.question === question) return known.answer;
    const answer = read(question);
    last.set(socket, { question, ...(answer !== undefined && { answer }) });
    return answer;
  };
}

interface TlsSocket {
  getPeerCertificate(): { readonly raw?: unknown };
}

function isTlsSocket(socket: object): socket is TlsSocket {
  return 'getPeerCertificate' in socket && typeof socket.getPeerCertificate === 'function';
}

/** Node returns an empty object, or null, for a client without certificate. */
function peerThumbprint(socket: TlsSocket): string | undefined {
  const certificate: unknown = socket.getPeerCertificate();
  const raw = isRecord(certificate) ? certificate['raw'] : undefined;
  return raw instanceof Uint8Array ? thumbprintOf(raw) : undefined;
}
