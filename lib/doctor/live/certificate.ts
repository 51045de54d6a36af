import { isIP } from 'node:net';
import { connect } from 'node:tls';
import type { Finding } from '../finding.js';
import { fail, pass, warn } from './outcomes.js';

interface Validity {
  /** Milliseconds since 1970, like the other. */
  readonly from: number;
  readonly to: number;
}

const PATIENCE_MS = 5000;

/** How long the certificate behind an https URL is valid. Undefined where none was seen, as through a proxy. Doesn't judge who issued it. */
export function validityOf(url: URL): Promise<Validity | undefined> {
  return new Promise((resolve) => {
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const socket = connect({
      ...{ host, port: Number(url.port || 443) },
      ...(isIP(host) === 0 && { servername: host }),
      // It is looked at, and nothing is sent.
      rejectUnauthorized: false,
    });
    const end = (validity: Validity | undefined): void => {
      socket.destroy();
      resolve(validity);
    };
    socket.setTimeout(PATIENCE_MS, () => end(undefined));
    socket.once('error', () => end(undefined));
    socket.once('secureConnect', () => {
      const { valid_from: from, valid_to: to } = socket.getPeerCertificate();
      end({ from: Date.parse(from), to: Date.parse(to) });
    });
  });
}

const DAY_MS = 86_400_000;
const SOON_DAYS = 14;

/** What is renewed by a program has a third of its life left then; of short ones a fifth is enough. */
export function judgeValidity({ from, to }: Validity, now: number): Finding {
  const days = Math.floor((to - now) / DAY_MS);
  const why = 'browsers and clients refuse a certificate that has expired';
  const fix = 'renew it, and look why that has not happened by itself';
  if (to <= now) return fail('live_certificate', { says: 'the certificate has expired', why, fix });
  const isSoon = days < SOON_DAYS && to - now < (to - from) / 5;
  if (!isSoon) return pass('live_certificate', `the certificate is valid for ${days} more days`);
  return warn('live_certificate', { says: `the certificate expires in ${days} days`, why, fix });
}
