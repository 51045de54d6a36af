import { isRecord } from '../../is-record.js';
import { parseJsonObject } from '../../verifier/tokens/shape.js';
import { readKeySet } from '../../verifier/keys/read-key-set.js';
import type { SignatureAlgorithm } from '../../verifier/trusted-issuers/options.js';
import { placeTenant } from '../../verifier/trusted-issuers/entra-clouds.js';
import type { Finding } from '../finding.js';
import { type Answer, ask, type Asking, isRedirect } from './ask.js';
import { differenceOf } from './issuer-name.js';
import { fail, pass } from './outcomes.js';
import { unreached } from './unreached.js';

/** An issuer that is looked at, and in which words. */
export interface Party {
  /** Such as `the login provider "corp"`. */
  readonly name: string;
  readonly issuer: string;
  /** The setting that names the issuer. */
  readonly setting: string;
  /** What doesn't work without it. */
  readonly why: string;
  /** Whether metadata with this issuer are its own. */
  readonly isNamed: (issuer: string) => boolean;
}

export type Metadata = Readonly<Record<string, unknown>>;

export interface Discovered {
  readonly findings: readonly Finding[];
  /** Undefined where there are none, or those of another issuer. */
  readonly metadata: Metadata | undefined;
  readonly answer: Answer | undefined;
}

/** Fetches the metadata of an issuer (OpenID Connect Discovery 1.0 §4), and judges whose they are. */
export async function discover(party: Party, asking: Asking): Promise<Discovered> {
  const base = placeTenant(party.issuer, 'common').replace(/\/$/, '');
  const url = `${base}/.well-known/openid-configuration`;
  let answer: Answer;
  try {
    answer = await ask(url, asking, { headers: { accept: 'application/json' } });
  } catch (error) {
    const finding = unreached('live_discovery', party.name, { error, why: party.why });
    return { findings: [finding], metadata: undefined, answer: undefined };
  }
  const metadata = answer.status === 200 ? parseJsonObject(answer.text) : undefined;
  if (!metadata) return { findings: [noMetadata(party, answer, url)], metadata: undefined, answer };
  const found: unknown = metadata['issuer'];
  if (typeof found === 'string' && party.isNamed(found)) {
    const finding = pass('live_issuer', `${party.name} calls itself what ${party.setting} says`);
    return { findings: [finding], metadata, answer };
  }
  return { findings: [otherIssuer(party, found)], metadata: undefined, answer };
}

function noMetadata({ name, setting, why }: Party, answer: Answer, url: string): Finding {
  const found = isRedirect(answer)
    ? `answers with a redirect (${answer.status}), which is not followed`
    : answer.status === 200
      ? 'answers with something else than metadata'
      : `answers ${answer.status}`;
  return fail('live_discovery', {
    says: `${name} ${found} at ${url}`,
    why,
    fix: `write into ${setting} the issuer exactly as the provider's documentation has it: its metadata are below that URL`,
  });
}

function otherIssuer({ name, issuer, setting, why }: Party, found: unknown): Finding {
  const isText = typeof found === 'string';
  return fail('live_issuer', {
    says: isText
      ? `${name}: the issuer in its metadata ${differenceOf(issuer, found)}; ${setting} is "${issuer}"`
      : `${name}: its metadata name no issuer`,
    why: `the two must be equal, character by character: ${why}`,
    fix: isText
      ? `write the issuer into ${setting} exactly as the metadata have it, if you trust it`
      : `check ${setting}`,
  });
}

type KeyOwner = Pick<Party, 'name' | 'issuer' | 'why'>;

interface Published {
  readonly finding: Finding;
  readonly answer: Answer | undefined;
}

/** Fetches a JWK Set, and judges whether tokens can be verified by it. */
export async function checkKeys(
  party: KeyOwner,
  jwksUri: unknown,
  options: { readonly asking: Asking; readonly algorithms: readonly SignatureAlgorithm[] },
): Promise<Published> {
  const { asking, algorithms } = options;
  if (typeof jwksUri !== 'string') {
    const fix = 'check that the issuer is an OpenID provider';
    const finding = fail('live_keys', {
      says: `${party.name}: its metadata have no jwks_uri`,
      why: party.why,
      fix,
    });
    return { finding, answer: undefined };
  }
  try {
    const answer = await ask(jwksUri, asking, { headers: { accept: 'application/json' } });
    return { finding: judgeKeys(party, answer, algorithms), answer };
  } catch (error) {
    const finding = unreached('live_keys', `${party.name}: the key set`, { error, why: party.why });
    return { finding, answer: undefined };
  }
}

function judgeKeys(
  { name, issuer, why }: KeyOwner,
  answer: Answer,
  algorithms: readonly SignatureAlgorithm[],
): Finding {
  const broken = (says: string, fix: string): Finding =>
    fail('live_keys', { says: `${name}: ${says}`, why, fix });
  if (answer.status !== 200)
    return broken(`its key set answers ${answer.status}`, 'check the URL of the key set');
  const members = parseJsonObject(answer.text)?.['keys'];
  if (!Array.isArray(members))
    return broken('what its jwks_uri has is no key set', 'check the URL of the key set');
  const skipped: unknown[] = [];
  const events = { emit: (_name: string, event: object) => void skipped.push(event) };
  const keys = readKeySet(members, { issuer, algorithms, events });
  if (keys.size > 0) return pass('live_keys', `${name} publishes ${counted(keys.size)}`);
  const reasons = new Set(skipped.flatMap((each) => (isRecord(each) ? [each['reason']] : [])));
  return broken(
    `none of its ${members.length} keys can be used (${[...reasons].join(', ')})`,
    `let it sign with one of ${algorithms.join(', ')}, or name its algorithm in \`algorithms\` (AUTH_JWT_ALGORITHM)`,
  );
}

function counted(keys: number): string {
  return keys === 1 ? 'a usable key' : `${keys} usable keys`;
}
