import { statSync } from 'node:fs';
import type { Config } from '../../config/config.js';
import { algorithmsOf, privateKeyOf } from '../../config/key-readers.js';
import { type Check, type InspectedSettings, settingsCheck, signsTokens } from '../check.js';
import { passed, type Verdict, warned } from '../finding.js';

const YEAR_MS = 365 * 86_400_000;
/**
 * NIST SP 800-57 part 1 (revision 5), tables 2 and 4: RSA of 2048 bits has 112 bits of security, acceptable through 2030;
 * 3072 bits have 128.
 */
const LONG_RSA_BITS = 3072;
const SHORT_RSA_ENDS = Date.UTC(2031, 0);

/** What access tokens are signed with. */
export const keyStrength: Check = settingsCheck('key_strength', (settings, { today }) => {
  const { config, origins } = settings;
  const { secret, privateKey } = config.jwt;
  if (privateKey !== undefined)
    return judgeKey(privateKey, { name: origins.nameOf('jwt.privateKey'), now: today?.now });
  if (secret === undefined) return undefined;
  return judgeSecrets(settings);
});

interface KeyContext {
  readonly name: string;
  readonly now: number | undefined;
}

function judgeKey(text: string, { name, now }: KeyContext): Verdict {
  const { asymmetricKeyType = '', asymmetricKeyDetails } = privateKeyOf(text);
  const { modulusLength, namedCurve } = asymmetricKeyDetails ?? {};
  if (modulusLength === undefined)
    return passed(`${name} is a key on ${namedCurve ?? asymmetricKeyType}`);
  const says = `${name} is an RSA key of ${modulusLength} bits`;
  if (modulusLength >= LONG_RSA_BITS) return passed(says);
  // A year ahead, so that there is time to rotate.
  if (now === undefined || now < SHORT_RSA_ENDS - YEAR_MS)
    return passed(`${says}, enough until the end of 2030 (NIST SP 800-57)`);
  return warned(says, {
    why: 'NIST SP 800-57 accepts so short a key until the end of 2030',
    fix: 'make the next one with npx latchkey keys rotate; ES256 (npx latchkey keys generate --alg ES256) is shorter and signs faster',
  });
}

function judgeSecrets({ config, origins }: InspectedSettings): Verdict {
  const secrets = [
    { name: origins.nameOf('jwt.secret'), text: config.jwt.secret },
    { name: origins.nameOf('secret'), text: config.secret },
  ];
  const [weak] = secrets.filter(({ text = '' }) => isOfWords(text));
  if (!weak) return passed(`${origins.nameOf('jwt.secret')} is long enough, and of no known words`);
  return warned(`${weak.name} looks like words that a person has chosen`, {
    why: 'words are guessed from a single token, with no request to the application; the secret then signs tokens for every user',
    fix: 'make a random one with npx latchkey keys generate --alg HS256, and rotate to it: npx latchkey keys rotate',
  });
}

/** Three words or more, apart from each other: `my-company-signing-2024`. Words without anything between them aren't noticed. */
function isOfWords(text: string): boolean {
  const parts = text.split(/[\s._-]+/);
  const words = parts.filter((part) => /^(?=.*[aeiouy])[a-z]{3,}$/i.test(part));
  return words.length >= 3 && parts.every((part) => /^(?:[a-z]*|\d*)$/i.test(part));
}

/** Who else could make tokens, and what signing costs. */
export const algorithm: Check = settingsCheck('algorithm', (settings) => {
  const { config } = settings;
  if (!signsTokens(settings)) return undefined;
  const { privateKey, algorithm: given } = config.jwt;
  if (privateKey === undefined)
    return passed(
      `tokens are signed with ${given}: whatever verifies them needs the secret; other services take ES256`,
    );
  const used = given ?? algorithmsOf(privateKey)[0] ?? '';
  return passed(
    /^[RP]S/.test(used)
      ? `tokens are signed with ${used}; ES256 signs 6 times as fast, and its tokens are shorter`
      : `tokens are signed with ${used}; other services verify them by /jwks.json`,
  );
});

/** One secret for two purposes, each of which is handed to others for itself. */
export const sharedSecret: Check = settingsCheck('shared_secret', ({ config, origins }) => {
  const { jwt, secret } = config;
  if (!origins.isGiven('secret') || secret === undefined) return undefined;
  const [root, signing] = [origins.nameOf('secret'), origins.nameOf('jwt.secret')];
  if (secret !== jwt.secret) return passed(`${root} protects refresh tokens and cookies alone`);
  return warned(`${root} and ${signing} are the same`, {
    why: 'what verifies tokens with the one can forge refresh tokens and cookies with the other, and both have to be replaced at once',
    fix: `make another for ${root} with npx latchkey keys generate --alg HS256, and give the present one as AUTH_SECRET_PREVIOUS until the longest session has ended`,
  });
});

/** What is old has been copied often. Known only of keys in files, by when these were written. */
export const keyAge: Check = settingsCheck('key_age', ({ config, origins }, { today }) => {
  if (!today) return undefined;
  const files = SIGNING.flatMap((path) => {
    const file = isSet(config, path) ? origins.fileOf(path) : undefined;
    const writtenAt = file === undefined ? undefined : timeOf(file);
    return writtenAt === undefined ? [] : [{ path, age: today.now - writtenAt }];
  });
  if (files.length === 0) return undefined;
  const old = files.filter(({ age }) => age > 2 * YEAR_MS);
  if (old.length === 0) return passed('the files of keys were written in the last two years');
  return old.map(({ path, age }) => {
    const years = Math.floor(age / YEAR_MS);
    const command = `npx latchkey keys rotate${path === 'secret' ? ' --secret' : ''}`;
    return warned(`the file of ${origins.nameOf(path)} was written ${years} years ago`, {
      why: 'a key has been on more machines and in more backups the older it is; NIST SP 800-57 gives signing keys one to three years',
      fix: `replace it with ${command}; no user is signed out`,
    });
  });
});

const SIGNING = ['jwt.secret', 'jwt.privateKey', 'secret'] as const;

function isSet({ jwt, secret }: Config, path: (typeof SIGNING)[number]): boolean {
  if (path === 'secret') return secret !== undefined;
  return (path === 'jwt.secret' ? jwt.secret : jwt.privateKey) !== undefined;
}

/** Mounted secrets are written when the container starts: then nothing old is found, and nothing wrong. */
function timeOf(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs;
}
