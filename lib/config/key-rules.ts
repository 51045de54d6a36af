import { isHttpAllowed } from '../http/bounded-fetch.js';
import { secretBytes } from '../secrets/secret-bytes.js';
import { publicSecretFlaw } from '../secrets/strength.js';
import { type Judgement, KEY_SOURCES, keySource, signsTokens } from './judgement.js';
import { algorithmsOf, NEW_SECRET } from './key-readers.js';
import type { Settings } from './settings.js';

/** An attacker who can change keys in transit can sign tokens. */
export function judgeKeyTransport({ values, production, nameOf, refuse, warn }: Judgement): void {
  const setting = nameOf('jwksAllowHttp');
  const permission = {
    allowLoopbackHttp: !production,
    allowHttpHosts: new Set(values.jwksAllowHttp),
    internalHosts: 'any',
  } as const;
  for (const { path, place, text } of keyUrls(values)) {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url?.protocol === 'http:' && !isHttpAllowed(url, permission))
      refuse(path, `${place}uses http`, `use https, or name the host in ${setting}`);
  }
  if (production && values.jwksAllowHttp.length > 0)
    warn('jwksAllowHttp', 'lets keys and log-ins use plain http in production', {
      why: 'an attacker who can change traffic there can sign tokens',
      fix: 'have these hosts serve https, and remove it',
    });
}

/** Where keys, or the metadata that names them, are fetched. */
function* keyUrls({ jwt, trustedIssuers, oidc }: Settings) {
  for (const [name, { issuer }] of Object.entries(oidc))
    if (issuer !== undefined) yield { path: `oidc.${name}.issuer`, place: '', text: issuer };
  if (jwt.jwksUrl !== undefined) yield { path: 'jwt.jwksUrl', place: '', text: jwt.jwksUrl };
  for (const [index, { issuer, keys }] of trustedIssuers.entries()) {
    const place = { path: 'trustedIssuers', place: `at ${index}.keys: ` };
    if ('jwksUri' in keys) yield { ...place, text: keys.jwksUri };
    if ('discovery' in keys) yield { ...place, text: issuer };
    if (!('introspection' in keys)) continue;
    const { introspection } = keys;
    yield { ...place, text: 'endpoint' in introspection ? introspection.endpoint : issuer };
    const { signedResponses } = introspection;
    if (!signedResponses) continue;
    if ('jwksUri' in signedResponses) yield { ...place, text: signedResponses.jwksUri };
    if ('discovery' in signedResponses) yield { ...place, text: issuer };
  }
}

export function judgeKeySource({ values, isGiven, nameOf, refuse }: Judgement): void {
  const [first, ...others] = KEY_SOURCES.filter(isGiven);
  if (first !== undefined && others.length > 0)
    refuse(
      first,
      `is given together with ${others.map(nameOf).join(', ')}`,
      'keep the one that the main issuer uses; further issuers are trusted issuers',
    );
  const { jwt, secretPrevious } = values;
  const rotations = [
    { previous: 'jwt.secretPrevious', count: jwt.secretPrevious.length, current: ['jwt.secret'] },
    {
      previous: 'jwt.privateKeyPrevious',
      count: jwt.privateKeyPrevious.length,
      current: ['jwt.privateKey'],
    },
    { previous: 'secretPrevious', count: secretPrevious.length, current: ['secret', 'jwt.secret'] },
  ];
  for (const { previous, count, current } of rotations)
    if (count > 0 && !current.some(isGiven))
      refuse(
        previous,
        `is given without ${current.map(nameOf).join(' or ')}`,
        'give the current one',
      );
}

export function judgeAlgorithm(judgement: Judgement): void {
  const { values, refuse } = judgement;
  const { algorithm, secret, secretPrevious, privateKey, publicKey } = values.jwt;
  const source = keySource(judgement);
  if (algorithm === undefined || source === undefined) return;
  const isForSecrets = algorithm.startsWith('HS');
  const key = privateKey ?? publicKey;
  if (isForSecrets !== (source === 'jwt.secret'))
    refuse(
      'jwt.algorithm',
      'is not for this kind of key',
      'HS… is for secrets, the others for key pairs',
    );
  else if (key !== undefined && !algorithmsOf(key).includes(algorithm))
    refuse(
      'jwt.algorithm',
      'does not fit the key',
      `use ${algorithmsOf(key).join(' or ')}, or leave it out`,
    );
  if (!isForSecrets) return;
  const bytes = Number(algorithm.slice(2)) / 8;
  const isShort = (text: string) => secretBytes(text).length < bytes;
  const problem = `is shorter than the ${bytes} bytes that ${algorithm} needs`;
  const fix = `make one with \`openssl rand -base64 ${bytes}\``;
  if (secret !== undefined && isShort(secret)) refuse('jwt.secret', problem, fix);
  if (secretPrevious.some(isShort)) refuse('jwt.secretPrevious', problem, 'drop it, or keep HS256');
}

export function judgeIssuer(judgement: Judgement): void {
  const { production, isGiven, nameOf, refuse, warn } = judgement;
  if (isGiven('jwt.issuer') || !KEY_SOURCES.some(isGiven)) return;
  const source = keySource(judgement);
  // Where tokens are signed in production, a missing public URL is reported by itself.
  if (!isGiven('publicUrl') && !(production && signsTokens(judgement)))
    refuse(
      'jwt.issuer',
      'is missing',
      `set it, or ${nameOf('publicUrl')}, to the \`iss\` of the tokens`,
    );
  else if (source === 'jwt.jwksUrl' || source === 'jwt.publicKey')
    warn('jwt.issuer', 'is not set', {
      why: `${nameOf(source)} verifies only tokens whose \`iss\` is ${nameOf('publicUrl')}`,
      fix: 'set it to the issuer that owns the keys',
    });
}

export function judgeSecrets({ isGiven, refuse }: Judgement): void {
  if (isGiven('jwt.privateKey') && !isGiven('secret') && !isGiven('jwt.secret'))
    refuse(
      'secret',
      'is missing; with a private key nothing else can protect refresh tokens and cookies',
      NEW_SECRET,
    );
}

/** With a secret from a public list, anyone can sign tokens. */
export function judgePublicSecrets({ values, production, isGiven, refuse, warn }: Judgement): void {
  const { jwt, secret, secretPrevious, trustedIssuers } = values;
  const given = {
    'jwt.secret': [jwt.secret],
    'jwt.secretPrevious': jwt.secretPrevious,
    secret: [secret],
    secretPrevious,
    trustedIssuers: trustedIssuers.flatMap(({ keys }) => ('secret' in keys ? keys.secret : [])),
  };
  for (const [path, secrets] of Object.entries(given)) {
    const flaws = secrets.map(
      (each) => each !== undefined && isGiven(path) && publicSecretFlaw(each),
    );
    const flaw = flaws.find((each) => each !== false && each !== undefined);
    if (!flaw) continue;
    const problem = path === 'trustedIssuers' ? `has a secret that ${flaw}` : flaw;
    if (production) refuse(path, problem, NEW_SECRET);
    else
      warn(path, problem, {
        why: 'with it, anyone can sign tokens; in production it is refused',
        fix: NEW_SECRET,
      });
  }
}
