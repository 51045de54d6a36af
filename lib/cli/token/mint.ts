import { loadConfig } from '../../config/config.js';
import { duration, Refusal } from '../../config/values.js';
import { isRecord } from '../../is-record.js';
import { type AccessGrant, createAccessTokenSigner } from '../../issuing/access-token-signer.js';
import { decodeJsonObject } from '../../verifier/tokens/shape.js';
import type { Terminal } from '../terminal.js';
import { durationInWords } from '../../time/in-words.js';
import { UsageError } from '../usage-error.js';
import { visible } from '../output/visible-text.js';

/** What a token is to say. */
export interface MintOptions {
  readonly sub?: string | undefined;
  readonly scope?: readonly string[] | undefined;
  readonly role?: readonly string[] | undefined;
  readonly claim?: readonly string[] | undefined;
  readonly ttl?: string | undefined;
}

/**
 * Prints an access token signed with the application's own key, for development. Refused in production: it asks for no password,
 * belongs to no session, and nobody would find it in an audit log.
 */
export async function mintToken(terminal: Terminal, options: MintOptions): Promise<number> {
  const { env, complain, print } = terminal;
  const { sub, scope: scopes = [], role: roles = [] } = options;
  if (sub === undefined || sub === '') throw new UsageError('token mint needs --sub');
  const extraClaims = readClaims(options.claim ?? []);
  const warn = (message: string) => complain(`latchkey: ${visible(message)}\n`);
  const config = loadConfig({ env, onWarning: warn });
  if (config.production)
    throw new Error(
      'NODE_ENV is production: a token without sign-in and session is not made there; sign in, or use a service account',
    );
  const { jwt, claims } = config;
  if (jwt.secret === undefined && jwt.privateKey === undefined)
    throw new Error(
      'there is no key to sign with: set AUTH_JWT_SECRET or AUTH_JWT_PRIVATE_KEY; tokens of another issuer come from there',
    );
  const accessTtlSeconds = readTtl(options.ttl) ?? config.accessTtlSeconds;
  const signer = createAccessTokenSigner({ jwt, claims, accessTtlSeconds }, { now: Date.now });
  const grant: AccessGrant = {
    ...{ subject: sub, scopes: scopes.flatMap((each) => each.split(/\s+/).filter(Boolean)) },
    ...{ user: { roles }, extraClaims },
  };
  const { token, expiresIn } = await signer.sign(grant);
  refuseLostClaims(token, extraClaims);
  warn(
    `for development; valid for ${durationInWords(expiresIn)}, of no session: log-out does not end it`,
  );
  print(`${token}\n`);
  return 0;
}

function readTtl(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  try {
    return duration('1s', '30d')(text);
  } catch (error) {
    if (error instanceof Refusal) throw new UsageError(`--ttl ${error.message}; ${error.fix}`);
    throw error;
  }
}

/** `name=value`, where the value is JSON (`true`, `7`, `["a"]`) or else text. */
function readClaims(pairs: readonly string[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1) throw new UsageError('--claim is name=value, such as --claim org_id=acme');
      return [pair.slice(0, at), readValue(pair.slice(at + 1))];
    }),
  );
}

function readValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The signer sets some claims itself, whatever is asked for. */
function refuseLostClaims(token: string, wanted: Readonly<Record<string, unknown>>): void {
  const signed = decodeJsonObject(token.split('.')[1] ?? '');
  const lost = Object.keys(wanted).find(
    (name) => !isRecord(signed) || JSON.stringify(signed[name]) !== JSON.stringify(wanted[name]),
  );
  if (lost === undefined) return;
  throw new UsageError(
    `--claim cannot set ${JSON.stringify(lost)}, which is the signer's own; --sub, --scope, --role and --ttl set what they can`,
  );
}
