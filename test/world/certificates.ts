import { execFileSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';

export interface Certificate {
  readonly pem: string;
  readonly der: Buffer;
  readonly key: string;
  /** Where the certificate and its key are, for programs that read files. */
  readonly pemFile: string;
  readonly keyFile: string;
  /** SHA-256 of the certificate: in base64url `cnf['x5t#S256']`. */
  digest(encoding: 'base64url' | 'hex'): string;
}

/** A new self-signed certificate with its key, as files that are gone when the test has finished. */
export function makeCertificate(name: string): Certificate {
  const folder = mkdtempSync(path.join(tmpdir(), 'latchkey-certificate-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const [keyFile, pemFile] = [path.join(folder, 'key.pem'), path.join(folder, 'certificate.pem')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc'];
  const about = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
  const files = ['-keyout', keyFile, '-out', pemFile];
  execFileSync('openssl', ['req', '-x509', ...curve, ...about, ...files], { stdio: 'ignore' });
  const pem = readFileSync(pemFile, 'utf8');
  const der = new X509Certificate(pem).raw;
  return {
    ...{ pem, der, pemFile, keyFile },
    key: readFileSync(keyFile, 'utf8'),
    digest: (encoding) => createHash('sha256').update(der).digest(encoding),
  };
}
