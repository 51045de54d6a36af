import { AuthError } from '../errors.js';
import { findSigner } from './keys/find-signer.js';
import type { VerifierOptions } from './options.js';
import { prepareVerification, type VerifierContext } from './prepare.js';
import { passesOwnCheck } from './tokens/describe-verified.js';
import { judgeAnyHeader, type RefusalReason, type RuleName, tokenRules } from './tokens/rules.js';
import { decodeJsonObject, hasTokenShape, isOpaque, shapeFlawOf } from './tokens/shape.js';
import type { IssuerPolicy } from './trusted-issuers/policy.js';
import type { Verification } from './verification.js';

/** What the verifier looks at, in its order. */
export type StepName =
  | 'form'
  | 'header'
  | 'payload'
  | 'issuer'
  | RuleName
  | 'key'
  | 'signature'
  | 'check'
  | 'binding';

/** Why a token would be refused: with 401, or with 503 where its issuer's keys cannot be had. */
export type StepReason = RefusalReason | 'keys_unavailable';

export interface ExplainedStep {
  readonly name: StepName;
  /** `skipped`: not looked at, because of an earlier step, or because it takes a request that was forbidden. */
  readonly outcome: 'passed' | 'failed' | 'skipped';
  readonly reason?: StepReason | undefined;
}

type Json = Readonly<Record<string, unknown>>;

export interface Explanation {
  readonly steps: readonly ExplainedStep[];
  /** Undefined where the token has none that can be read. */
  readonly header: Json | undefined;
  readonly claims: Json | undefined;
  /** What its issuer's tokens must be. Undefined for an unknown issuer. */
  readonly policy: IssuerPolicy | undefined;
  /** Whether the issuer itself is asked about such a token, which an explanation never does. */
  readonly isAsked: boolean;
}

const lateSteps: readonly StepName[] = ['key', 'signature', 'check', 'binding'];
const claimSteps: readonly StepName[] = [
  'payload',
  'issuer',
  ...tokenRules.map(({ name }) => name),
  ...lateSteps,
];

export interface ExplainOptions extends VerifierContext {
  /** Whether keys may be fetched. The token is never sent anywhere. */
  readonly offline: boolean;
}

/**
 * Tells what each check of a verifier with these options says of a token. Unlike the verifier it goes on after the first that
 * fails, as far as what follows can be judged. Remembers nothing, and never asks an issuer about a token or the application
 * about revocation.
 */
export async function explainToken(
  token: string,
  options: VerifierOptions,
  { offline, ...context }: ExplainOptions,
): Promise<Explanation> {
  const verification = prepareVerification(options, context);
  const { directory, maxTokenLength } = verification;
  const nothing = { header: undefined, claims: undefined, policy: undefined, isAsked: false };
  const header = hasTokenShape(token, maxTokenLength)
    ? decodeJsonObject(token.slice(0, token.indexOf('.')))
    : undefined;
  if (!header) {
    const mayAsk = directory.findOpaque(token) !== undefined && isOpaque(token);
    const isSecret = mayAsk && context.isOwnSecret?.(token) === true;
    const isAsked = mayAsk && !isSecret;
    const flaw = isSecret ? 'own_secret' : shapeFlawOf(token, maxTokenLength);
    const form = step('form', isAsked ? undefined : flaw);
    return { ...nothing, isAsked, steps: [form, ...skipped(['header', ...claimSteps])] };
  }
  const early = [passed('form'), step('header', judgeAnyHeader(header))];
  const claims = decodeJsonObject(token.slice(token.indexOf('.') + 1, token.lastIndexOf('.')));
  if (!claims) {
    const payload = failed('payload', 'malformed');
    return { ...nothing, header, steps: [...early, payload, ...skipped(claimSteps.slice(1))] };
  }
  early.push(passed('payload'));
  const trusted = await directory.find(claims['iss']);
  if (!trusted) {
    const steps = [...early, failed('issuer', 'issuer'), ...skipped(claimSteps.slice(2))];
    return { ...nothing, header, claims, steps };
  }
  const { policy } = trusted;
  const read = { token, header, claims, policy };
  const isAsked = trusted.introspector !== undefined;
  const late = isAsked ? skipped(claimSteps.slice(2)) : await judge(verification, read, offline);
  return { header, claims, policy, isAsked, steps: [...early, passed('issuer'), ...late] };
}

interface ReadToken {
  readonly token: string;
  readonly header: Json;
  readonly claims: Json;
  readonly policy: IssuerPolicy;
}

async function judge(
  verification: Verification,
  read: ReadToken,
  offline: boolean,
): Promise<readonly ExplainedStep[]> {
  const { claims, policy } = read;
  const nowSeconds = Math.floor(verification.now() / 1000);
  const ruled = tokenRules.map(({ name, judge: flawOf }) =>
    step(name, flawOf(read, policy, nowSeconds)),
  );
  // A key serves one algorithm, so there is none to look for where the algorithm is not accepted.
  const [algorithm] = ruled;
  const isSought = algorithm?.outcome === 'passed' && (policy.keys.isLocal || !offline);
  return [
    ...ruled,
    ...(isSought ? keySteps(await signerFlaw(verification, read)) : skipped(['key', 'signature'])),
    step('check', passesOwnCheck(claims, policy) ? undefined : 'check'),
    step('binding', claims['cnf'] === undefined ? undefined : 'sender_constrained'),
  ];
}

/** Why no key has signed the token; undefined when one has. */
async function signerFlaw(
  verification: Verification,
  read: ReadToken,
): Promise<StepReason | undefined> {
  const { kid, alg } = read.header;
  const { keys } = read.policy;
  const find = () => {
    const found = keys.candidates(typeof kid === 'string' ? kid : undefined, String(alg));
    const signer = findSigner(found, read, verification);
    return typeof signer === 'string' ? signer : undefined;
  };
  try {
    if (!keys.isServing(verification.now())) await keys.load();
    if (find() === 'unknown_key') await keys.seek();
  } catch (error) {
    if (error instanceof AuthError) return 'keys_unavailable';
    throw error;
  }
  return find();
}

function keySteps(flaw: StepReason | undefined): readonly ExplainedStep[] {
  if (flaw === undefined || flaw === 'signature') return [passed('key'), step('signature', flaw)];
  return [failed('key', flaw), ...skipped(['signature'])];
}

function passed(name: StepName): ExplainedStep {
  return { name, outcome: 'passed' };
}

function failed(name: StepName, reason: StepReason): ExplainedStep {
  return { name, outcome: 'failed', reason };
}

function step(name: StepName, flaw: StepReason | undefined): ExplainedStep {
  return flaw === undefined ? passed(name) : failed(name, flaw);
}

function skipped(names: readonly StepName[]): readonly ExplainedStep[] {
  return names.map((name) => ({ name, outcome: 'skipped' }));
}
