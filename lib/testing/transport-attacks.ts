import { judgeAcceptance, judgeRefusal, type Verdict } from './judge-refusal.js';
import type { PlannedAttack } from './planned-attack.js';
import type { RawAnswer, RawRequest } from './raw-request.js';

export interface TransportAttacksOptions {
  readonly path: string;
  /** A token that the target accepts. */
  readonly valid: string;
}

type Headers = NonNullable<RawRequest['headers']>;

/** G1 to G8: a valid token in the wrong place, hostile credentials, and methods that guards forget. */
export function transportAttacks(options: TransportAttacksOptions): readonly PlannedAttack[] {
  return [
    ...controls(options),
    ...repeatedCredentials(options),
    ...schemes(options),
    ...misplacedTokens(options),
    ...methods(options),
    ...echoes(options),
  ];
}

function controls({ path, valid }: TransportAttacksOptions): readonly PlannedAttack[] {
  const accepted = ['Bearer', 'bearer', 'BEARER'].map((scheme) => ({
    name: `G2 ${scheme} and a valid token is accepted`,
    request: { target: path, headers: authorization(`${scheme} ${valid}`) },
    verdict: judgeAcceptance,
  }));
  return [
    ...accepted,
    {
      name: 'G2 no credential',
      request: { target: path },
      verdict: judgeRefusal({ withError: false }),
    },
  ];
}

function repeatedCredentials({ path, valid }: TransportAttacksOptions): readonly PlannedAttack[] {
  const pairs: readonly [string, string, string][] = [
    ['two Authorization lines, both valid', `Bearer ${valid}`, `Bearer ${valid}`],
    ['two Authorization lines, the first valid', `Bearer ${valid}`, 'Bearer x'],
    ['two Authorization lines, the last valid', 'Bearer x', `Bearer ${valid}`],
    ['two Authorization lines of different schemes', 'Basic eDp5', `Bearer ${valid}`],
  ];
  return [
    ...pairs.map(([title, first, second]) => ({
      name: `G1 ${title}`,
      request: { target: path, headers: [...authorization(first), ...authorization(second)] },
      verdict: judgeRefusal({ statuses: [400], secrets: [valid] }),
    })),
    refusal('G1 two credentials in one line', {
      target: path,
      headers: authorization(`Bearer ${valid}, Bearer ${valid}`),
    }),
  ];
}

function schemes({ path, valid }: TransportAttacksOptions): readonly PlannedAttack[] {
  return [
    ['Bearer and nothing', 'Bearer'],
    ['Bearer and a space', 'Bearer '],
    ['Bearer and two words', 'Bearer a b'],
    ['Bearer and a valid token and a word', `Bearer ${valid} x`],
    ['bearer and junk', 'bearer x'],
    ['BEARER and junk', 'BEARER x'],
    ['two spaces and junk', 'Bearer  x'],
    ['a comma between', `Bearer,${valid}`],
    ['a tab between', `Bearer\t${valid}`],
    ['an equals sign between', `Bearer=${valid}`],
    ['a colon behind the scheme', `Bearer: ${valid}`],
    ['no space between', `Bearer${valid}`],
    ['the scheme twice', `Bearer Bearer ${valid}`],
    ['the token alone', valid],
    ['quotes around the token', `Bearer "${valid}"`],
    ['a token parameter', `Bearer token="${valid}"`],
    ['Basic', 'Basic dXNlcjpwYXNzd29yZA=='],
    ['Basic with a valid token', `Basic ${valid}`],
    ['the scheme DPoP', `DPoP ${valid}`],
    ['the scheme Token', `Token ${valid}`],
    ['a scheme of 8 kB', `${'B'.repeat(8_192)} ${valid}`],
    ['an empty header', ''],
  ].map(([title, value = '']) =>
    refusal(`G2 ${title}`, { target: path, headers: authorization(value) }, valid),
  );
}

type Sending = Omit<RawRequest, 'target'> & { readonly query?: string };

function misplacedTokens({ path, valid }: TransportAttacksOptions): readonly PlannedAttack[] {
  const query = `access_token=${valid}`;
  const form: Sending = { body: query, headers: contentType('application/x-www-form-urlencoded') };
  const json = JSON.stringify({ access_token: valid });
  const places: readonly [string, Sending][] = [
    ['G3 a token in the query', { query }],
    ['G3 two tokens in the query', { query: `${query}&${query}` }],
    ['G3 a token called token in the query', { query: `token=${valid}` }],
    ['G4 a token in a form', { method: 'POST', ...form }],
    ['G4 a token in a form sent with GET', form],
    [
      'G4 a token in JSON',
      { method: 'POST', body: json, headers: contentType('application/json') },
    ],
    ['G4 a token in a cookie', { headers: [['Cookie', query]] }],
    ['G4 a token in X-Access-Token', { headers: [['X-Access-Token', valid]] }],
    [
      'G4 a token in Proxy-Authorization',
      { headers: [['Proxy-Authorization', `Bearer ${valid}`]] },
    ],
  ];
  return places.map(([name, { query: parameters, ...request }]) => ({
    name,
    request: {
      ...request,
      target: parameters ? `${path}${path.includes('?') ? '&' : '?'}${parameters}` : path,
    },
    verdict: judgeRefusal({
      // A path that has no POST may say so; it has not followed the token either.
      statuses: request.method === 'POST' ? [401, 404, 405, 415] : [401],
      secrets: [valid],
    }),
  }));
}

function methods({ path }: TransportAttacksOptions): readonly PlannedAttack[] {
  return [
    {
      name: 'G5 OPTIONS that is no preflight',
      request: { method: 'OPTIONS', target: path },
      verdict: judgeOptions,
    },
    refusal('G6 HEAD without a credential', { method: 'HEAD', target: path }),
    refusal('G6 GET that claims to be OPTIONS', {
      target: path,
      headers: [
        ['X-HTTP-Method-Override', 'OPTIONS'],
        ['X-HTTP-Method', 'OPTIONS'],
      ],
    }),
    refusal('G6 GET with the headers of a preflight', {
      target: path,
      headers: [
        ['Origin', 'https://evil.test'],
        ['Access-Control-Request-Method', 'GET'],
      ],
    }),
  ];
}

/**
 * A guard answers 401. Where it guards one method only, the router itself answers with the list of
 * methods, and no handler of the application has run.
 */
function judgeOptions(answer: RawAnswer): string | undefined {
  const [allow] = answer.header('Allow');
  const isRouters =
    allow !== undefined && ['', allow, allow.replaceAll(' ', '')].includes(answer.body);
  return isRouters && answer.status < 300
    ? undefined
    : judgeRefusal({ statuses: [401, 404, 405] })(answer);
}

function echoes({ path }: TransportAttacksOptions): readonly PlannedAttack[] {
  const marker = 'echo-echo-echo-echo';
  return [
    ['a word as the token', `Bearer ${marker}`],
    ['markup as the token', `Bearer <script>${marker}</script>`],
    ['quotes in the token', `Bearer "${marker}\\", error="x`],
    ['a header in the token, percent-encoded', `Bearer x%0d%0aSet-Cookie:${marker}=1`],
    ['an unknown scheme', `${marker} x`],
  ].map(([title, value = '']) =>
    refusal(`G8 no echo of ${title}`, { target: path, headers: authorization(value) }, marker),
  );
}

/** 401 or, for a request that is malformed rather than unauthenticated (RFC 6750 §3.1), 400. */
function refusal(name: string, request: RawRequest, secret?: string): PlannedAttack {
  const isMalformed = request.headers?.some(([header]) => header === 'Authorization');
  const verdict: Verdict = judgeRefusal({
    statuses: isMalformed ? [400, 401] : [401],
    secrets: secret === undefined ? [] : [secret],
  });
  return { name, request, verdict };
}

function contentType(value: string): Headers {
  return [['Content-Type', value]];
}

function authorization(value: string): Headers {
  return [['Authorization', value]];
}
