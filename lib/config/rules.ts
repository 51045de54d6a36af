import { type Judgement, signsTokens } from './judgement.js';
import {
  judgeAlgorithm,
  judgeIssuer,
  judgeKeySource,
  judgeKeyTransport,
  judgePublicSecrets,
  judgeSecrets,
} from './key-rules.js';

/** What can only be judged by looking at several settings. */
export const rules: readonly ((judgement: Judgement) => void)[] = [
  judgePublicUrl,
  judgeTransport,
  judgeKeyTransport,
  judgeStore,
  judgeKeySource,
  judgeAlgorithm,
  judgeIssuer,
  judgeSecrets,
  judgePublicSecrets,
  judgeLifetimes,
  judgeDpop,
  judgeStandalone,
  judgePasswordSignUp,
  judgeApiKeys,
  judgeServiceAccounts,
  judgeOrganisations,
  judgeImpersonation,
  judgeOidc,
  judgeSocial,
  judgeApple,
];

function judgePublicUrl(judgement: Judgement): void {
  const { values, production, isGiven, refuse, warn } = judgement;
  if (isGiven('publicUrl')) return;
  const { oidc, google, apple, github } = values;
  const hasProvider =
    Object.keys(oidc).length > 0 || google.clientId || apple.clientId || github.clientId;
  if (production && signsTokens(judgement))
    refuse(
      'publicUrl',
      'is missing',
      'set the origin that users see, e.g. https://app.example.com',
    );
  else if (!production && hasProvider)
    warn('publicUrl', 'is not set', {
      why: 'sign-in with a provider needs it for its redirects',
      fix: 'set the origin that users see, e.g. http://localhost:3000',
    });
}

function judgeTransport({ values, production, refuse }: Judgement): void {
  if (production && values.publicUrl && /^http:/i.test(values.publicUrl))
    refuse('publicUrl', 'uses http', 'use https in production');
}

function judgeStore(judgement: Judgement): void {
  const { production, isGiven, refuse } = judgement;
  if (production && signsTokens(judgement) && !isGiven('store.url'))
    refuse(
      'store.url',
      'is missing',
      'name a store, e.g. postgres://…; write memory: if every session may end with the process',
    );
}

function judgeLifetimes({ values, isGiven, nameOf, refuse }: Judgement): void {
  const { refreshIdleTtlSeconds: idle, refreshTtlSeconds: absolute } = values;
  if (isGiven('refreshIdleTtlSeconds') && idle > absolute)
    refuse(
      'refreshIdleTtlSeconds',
      `is longer than ${nameOf('refreshTtlSeconds')}`,
      'shorten it, or lengthen the other',
    );
}

/** Without an address of ours no proof could be for us, and without a secret no nonce from us. */
function judgeDpop({ values, production, isGiven, nameOf, refuse, warn }: Judgement): void {
  const { mode, origins, nonceTtlSeconds } = values.dpop;
  if (mode !== 'off' && !isGiven('publicUrl') && origins.length === 0)
    refuse(
      'dpop.mode',
      'is on, but no address is known that proofs may be for',
      `set ${nameOf('publicUrl')} or ${nameOf('dpop.origins')}`,
    );
  const plain = origins.filter((origin) => origin.startsWith('http:'));
  if (production && plain.length > 0)
    warn('dpop.origins', `has ${plain.join(', ')}`, {
      why: 'the proof of a client that calls by https fits no http address, and over http tokens and proofs can be read on their way',
      fix: 'write it with https, unless clients call by http within a private network',
    });
  if (nonceTtlSeconds !== undefined && !isGiven('secret') && !isGiven('jwt.secret'))
    refuse(
      'dpop.nonceTtlSeconds',
      'is given without a secret to make nonces with',
      `set ${nameOf('secret')}`,
    );
}

function judgeStandalone({ values, production, isGiven, nameOf, refuse, warn }: Judgement): void {
  const { standalone, devToken } = values;
  const fix = 'remove it; in production every request brings its own credential';
  if (production) {
    if (standalone) refuse('standalone', 'is on in production', fix);
    if (isGiven('devToken')) refuse('devToken', 'is given in production', fix);
  } else if (standalone && !isGiven('devToken'))
    refuse(
      'standalone',
      `is on without ${nameOf('devToken')}`,
      `set ${nameOf('devToken')} to a token`,
    );
  else if (devToken !== undefined && !isGiven('standalone'))
    warn('devToken', `is given without ${nameOf('standalone')}=true`, {
      why: 'it has no effect',
      fix: 'remove it, or turn the other on',
    });
}

function judgePasswordSignUp({ values, nameOf, refuse }: Judgement): void {
  if (values.passwordSignUp && !values.passwordLogin)
    refuse(
      'passwordSignUp',
      `is on while ${nameOf('passwordLogin')} is off`,
      `turn ${nameOf('passwordLogin')} on: people sign up to sign in with a password`,
    );
}

function judgeApiKeys(judgement: Judgement): void {
  const { values, nameOf, refuse } = judgement;
  if (values.acceptApiKeys && !signsTokens(judgement))
    refuse(
      'acceptApiKeys',
      'is on, but there are no users of our own for keys to belong to',
      `set ${nameOf('jwt.secret')} or ${nameOf('jwt.privateKey')}, or turn it off`,
    );
}

function judgeServiceAccounts(judgement: Judgement): void {
  if (judgement.values.serviceAccounts && !signsTokens(judgement))
    judgement.refuse(
      'serviceAccounts',
      'is on where no tokens are signed',
      `set ${judgement.nameOf('jwt.secret')} or ${judgement.nameOf('jwt.privateKey')}, or turn it off`,
    );
}

function judgeOrganisations(judgement: Judgement): void {
  if (judgement.values.ownOrganisations && !signsTokens(judgement))
    judgement.refuse(
      'ownOrganisations',
      'is on in an application that only verifies tokens',
      'remove it; memberships of other issuers’ users come from their tokens, or from `resolve` of orgContext()',
    );
}

function judgeImpersonation(judgement: Judgement): void {
  if (judgement.values.impersonation && !signsTokens(judgement))
    judgement.refuse(
      'impersonation',
      'is on, but there are no users of our own to act as',
      `set ${judgement.nameOf('jwt.secret')} or ${judgement.nameOf('jwt.privateKey')}, or turn it off`,
    );
}

const SOCIAL: readonly string[] = ['apple', 'github', 'google'];

function judgeOidc({ values, isGiven, refuse }: Judgement): void {
  for (const [name, provider] of Object.entries(values.oidc)) {
    for (const member of ['issuer', 'clientId'] as const)
      if (provider[member] === undefined && !isGiven(`oidc.${name}.${member}`))
        refuse(
          `oidc.${name}.${member}`,
          'is missing',
          'a login provider needs issuer and client id',
        );
    if (SOCIAL.includes(name) && isGiven(`${name}.clientId`))
      refuse(`oidc.${name}.issuer`, `is a second provider named ${name}`, 'give it another name');
  }
}

function judgeApple({ values, isGiven, refuse }: Judgement): void {
  const required = ['clientId', 'teamId', 'keyId', 'privateKey'] as const;
  if (
    !required.some((member) => isGiven(`apple.${member}`)) &&
    values.apple.trustEmail === undefined
  )
    return;
  for (const member of required)
    if (!isGiven(`apple.${member}`))
      refuse(
        `apple.${member}`,
        'is missing',
        'Sign in with Apple needs client id (the Services ID), team id, key id and private key',
      );
}

function judgeSocial({ values, isGiven, refuse }: Judgement): void {
  const fix = 'client id and client secret belong together';
  const { google, github } = values;
  if (
    !isGiven('google.clientId') &&
    (isGiven('google.clientSecret') || google.allowedDomains.length > 0)
  )
    refuse('google.clientId', 'is missing', 'set it, or remove the other Google settings');
  for (const [member, other] of [
    ['clientId', 'clientSecret'],
    ['clientSecret', 'clientId'],
  ])
    if (isGiven(`github.${other}`) && !isGiven(`github.${member}`))
      refuse(`github.${member}`, 'is missing', fix);
  if (!isGiven('github.clientId') && !isGiven('github.clientSecret'))
    if (github.allowedOrgs.length > 0 || github.trustEmail)
      refuse('github.clientId', 'is missing', 'set it, or remove the other GitHub settings');
}
