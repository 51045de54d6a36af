import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import {
  apiKey,
  bearer,
  type Callers,
  cookie,
  createCallers,
  forged,
  type Lines,
  type Sent,
  type Verdict,
} from '../world/every-credential.js';
import { shareWorld } from '../world/shared-world.js';

/** The refusals of the table below, in words that fit its columns. */
const REFUSALS: Readonly<Record<string, string>> = {
  none: '401 CREDENTIALS_MISSING',
  bad: '401 INVALID_TOKEN',
  old: '401 TOKEN_EXPIRED',
  ended: '401 TOKEN_REVOKED',
  proof: '401 INVALID_DPOP_PROOF',
  role: '403 INSUFFICIENT_ROLE',
  other: '403 RESOURCE_FORBIDDEN',
  acting: '403 IMPERSONATION_ACTIVE',
};

/** What each guard must answer to each credential: how the caller comes through, `anon`, or one of {@link REFUSALS}. */
const TABLE = `
credential                     any     code    optional jwt  opaque session key     user    accepted required project person  at-once no-cookie mcp    optional-bound optional-jwt
own-jwt                        jwt     jwt     jwt      jwt  bad    bad     bad     jwt     jwt      bad      jwt     jwt     jwt     jwt       jwt    jwt            jwt
issuer-jwt                     jwt     jwt     jwt      jwt  bad    bad     bad     jwt     jwt      bad      jwt     jwt     jwt     jwt       jwt    jwt            jwt
client-jwt                     jwt     jwt     jwt      jwt  bad    bad     bad     role    jwt      bad      jwt     jwt     jwt     jwt       jwt    jwt            jwt
acting-jwt                     jwt     jwt     jwt      jwt  bad    bad     bad     jwt     jwt      bad      jwt     acting  jwt     jwt       jwt    jwt            jwt
dpop-jwt                       bad     bad     bad      bad  bad    bad     bad     bad     jwt      jwt      bad     bad     bad     bad       bad    jwt            bad
dpop-jwt-as-bearer             bad     bad     bad      bad  bad    bad     bad     bad     bad      bad      bad     bad     bad     bad       bad    bad            bad
dpop-jwt-as-bearer-with-proof  bad     bad     bad      bad  bad    bad     bad     bad     bad      bad      bad     bad     bad     bad       bad    bad            bad
dpop-jwt-without-proof         bad     bad     bad      bad  bad    bad     bad     bad     proof    proof    bad     bad     bad     bad       bad    proof          bad
plain-jwt-as-dpop              bad     bad     bad      bad  bad    bad     bad     bad     bad      bad      bad     bad     bad     bad       bad    bad            bad
certificate-jwt                bad     bad     bad      bad  bad    bad     bad     bad     bad      bad      bad     bad     bad     bad       bad    bad            bad
opaque                         opaque  opaque  opaque   bad  opaque bad     bad     opaque  opaque   bad      opaque  opaque  opaque  opaque    opaque opaque         bad
client-opaque                  opaque  opaque  opaque   bad  opaque bad     bad     role    opaque   bad      opaque  opaque  opaque  opaque    opaque opaque         bad
dpop-opaque                    bad     bad     bad      bad  bad    bad     bad     bad     opaque   opaque   bad     bad     bad     bad       bad    opaque         bad
dpop-opaque-as-bearer          bad     bad     bad      bad  bad    bad     bad     bad     bad      bad      bad     bad     bad     bad       bad    bad            bad
key                            api_key api_key api_key  bad  bad    bad     api_key api_key api_key  bad      api_key api_key api_key api_key   bad    api_key        bad
project-key                    other   other   other    bad  bad    bad     other   other   other    bad      api_key other   other   other     bad    other          bad
cookie                         session session session  none none   session none    session session  none     session session session none      none   session        anon
nothing                        none    none    anon     none none   none    none    none    none     none     none    none    none    none      none   anon           anon
other-scheme                   none    none    anon     none none   none    none    none    none     none     none    none    none    none      none   anon           anon
ended-cookie                   none    none    anon     none none   none    none    none    none     none     none    none    none    none      none   anon           anon
refresh-token-as-cookie        none    none    anon     none none   none    none    none    none     none     none    none    none    none      none   anon           anon
expired-jwt                    old     old     old      old  old    old     old     old     old      old      old     old     old     old       old    old            old
forged-jwt                     bad     bad     bad      bad  bad    bad     bad     bad     bad      bad      bad     bad     bad     bad       bad    bad            bad
inactive-opaque                bad     bad     bad      bad  bad    bad     bad     bad     bad      bad      bad     bad     bad     bad       bad    bad            bad
made-up-key                    bad     bad     bad      bad  bad    bad     bad     bad     bad      bad      bad     bad     bad     bad       bad    bad            bad
revoked-key                    bad     bad     bad      bad  bad    bad     bad     bad     bad      bad      bad     bad     bad     bad       bad    bad            bad
expired-key                    bad     bad     bad      bad  bad    bad     bad     bad     bad      bad      bad     bad     bad     bad       bad    bad            bad
empty-key                      bad     bad     bad      bad  bad    bad     bad     bad     bad      bad      bad     bad     bad     bad       bad    bad            bad
`;

const [[, ...guards] = [], ...rows] = TABLE.trim()
  .split('\n')
  .map((line) => line.split(/ +/));

/** The caller of an answer, or the refusal. */
function outcomeOf({ status, code, method, subject }: Verdict): string {
  if (status !== 200) return `${status} ${code}`;
  return method === undefined ? 'anonymous' : `${method} of ${subject}`;
}

describe('each credential at each guard', () => {
  // Each row sends a credential of its own, which no cache knows from another row. Wrong keys are counted by address.
  const shared = shareWorld(() => createCallers());
  const worldOf = async (name: string): Promise<Callers> =>
    name.endsWith('-key') ? createCallers() : shared();

  it.each(rows.map(([name = '', ...cells]) => ({ name, cells })))('$name', async (row) => {
    const { ask, sent } = await worldOf(row.name);
    const credential = new Map<string, Sent>(Object.entries(sent)).get(row.name);
    const expected = row.cells.map((cell) => {
      if (cell === 'anon') return 'anonymous';
      return REFUSALS[cell] ?? `${cell} of ${credential?.of}`;
    });
    const outcomes: string[] = [];
    for (const guard of guards)
      outcomes.push(outcomeOf(await ask(`/${guard}`, credential?.lines(`/${guard}`) ?? [])));
    const named = (list: readonly string[]) =>
      Object.fromEntries(guards.map((guard, at) => [guard, list[at]]));
    expect(named(outcomes)).toEqual(named(expected));
  });

  it('leaves out no credential', async () => {
    const { sent } = shared();
    expect(new Set(rows.map(([name]) => name))).toEqual(new Set(Object.keys(sent)));
  });
});

/** A mixed or confused request, and what a guard must answer. A good session cookie may come along. */
interface Confusion {
  readonly title: string;
  readonly lines: (world: Callers) => Lines | Promise<Lines>;
  readonly expected: string;
  readonly path?: string;
  /** Whether it is about the cookie, so that there is no such request without. */
  readonly byCookie?: boolean;
  /** How often the opaque issuer is asked. @defaultValue `0` */
  readonly asked?: number;
}

const BAD = '401 INVALID_TOKEN';
const TWO = '400 INVALID_REQUEST';
const CAROL = 'session of carol';
const linesOf = (name: keyof Callers['sent'], path = '/any') => ({
  lines: ({ sent }: Callers) => sent[name].lines(path),
});

const confusions: readonly Confusion[] = [
  { title: 'the cookie alone', lines: () => [], expected: CAROL, byCookie: true },
  { title: 'a good token', ...linesOf('issuer-jwt'), expected: 'jwt of dave' },
  { title: 'a good opaque token', ...linesOf('opaque'), expected: 'opaque of erin', asked: 1 },
  { title: 'a good key', ...linesOf('key'), expected: 'api_key of bob' },
  { title: 'a forged token', ...linesOf('forged-jwt'), expected: BAD },
  { title: 'an expired token', ...linesOf('expired-jwt'), expected: '401 TOKEN_EXPIRED' },
  { title: 'an inactive opaque token', ...linesOf('inactive-opaque'), expected: BAD, asked: 1 },
  { title: 'an expired key', ...linesOf('expired-key'), expected: BAD },
  { title: 'a revoked key', ...linesOf('revoked-key'), expected: BAD },
  { title: 'a made-up key', ...linesOf('made-up-key'), expected: BAD },
  { title: 'an empty key', ...linesOf('empty-key'), expected: BAD },
  {
    title: 'a key of another resource',
    ...linesOf('project-key'),
    expected: '403 RESOURCE_FORBIDDEN',
  },
  { title: 'a bound token as a bearer token', ...linesOf('dpop-jwt-as-bearer'), expected: BAD },
  { title: 'a bound token where DPoP is off', ...linesOf('dpop-jwt'), expected: BAD },
  {
    title: 'no token behind the scheme',
    lines: () => [['Authorization', 'Bearer']],
    expected: BAD,
  },
  ...['Bearer: ', 'Bearer\t', 'Bearer,', 'bearer=', 'DPoP:'].map((start) => ({
    title: `a token behind ${JSON.stringify(start)}`,
    lines: ({ own }: Callers): Lines => [['Authorization', `${start}${own.accessToken}`]],
    expected: BAD,
  })),
  {
    title: 'a key as a bearer token',
    lines: ({ own }) => [bearer(own.keys.good)],
    expected: BAD,
  },
  {
    title: 'a key with a mistake as a bearer token',
    lines: ({ own }) => [bearer(own.keys.good.replace(/.{6}$/, 'AAAAAA'))],
    expected: BAD,
  },
  {
    title: 'a key as a token with a proof',
    lines: ({ own }) => [['Authorization', `DPoP ${own.keys.good}`]],
    expected: BAD,
  },
  {
    title: 'a refresh token as a bearer token',
    lines: ({ own }) => [bearer(own.refreshToken)],
    expected: BAD,
  },
  {
    title: 'a secret of a service account as a bearer token',
    lines: () => [bearer(`lks_${'aB3'.repeat(16)}x`)],
    expected: BAD,
  },
  {
    title: 'the session of a cookie as a bearer token',
    lines: ({ own }) => [bearer(own.session)],
    expected: BAD,
  },
  {
    title: 'an opaque token that begins like a key',
    lines: ({ openToken }) => [bearer(openToken({ sub: 'erin' }, 'lk_dev_opaque-token-of-erin'))],
    expected: 'opaque of erin',
    asked: 1,
  },
  {
    title: 'an opaque token that the issuer calls active and that has the form of a key',
    lines: ({ own, openToken }) => [bearer(openToken({ sub: 'erin' }, own.keys.good))],
    expected: BAD,
  },
  {
    title: 'a JWT as a key',
    lines: ({ own }) => [apiKey(own.accessToken)],
    expected: BAD,
  },
  {
    title: 'an opaque token as a key',
    lines: ({ openToken }) => [apiKey(openToken({ sub: 'erin' }))],
    expected: BAD,
  },
  {
    title: 'a refresh token as a key',
    lines: ({ own }) => [apiKey(own.refreshToken)],
    expected: BAD,
  },
  {
    title: 'a key and a token',
    lines: ({ own }) => [bearer(own.accessToken), apiKey(own.keys.good)],
    expected: TWO,
  },
  {
    title: 'a key and a token that is none',
    lines: ({ own }) => [bearer('none'), apiKey(own.keys.good)],
    expected: TWO,
  },
  {
    title: 'a key and an opaque token',
    lines: ({ own, openToken }) => [apiKey(own.keys.good), bearer(openToken({ sub: 'erin' }))],
    expected: TWO,
  },
  {
    title: 'a key and a bound token with its proof',
    path: '/accepted',
    lines: ({ own, sent }) => [...sent['dpop-jwt'].lines('/accepted'), apiKey(own.keys.good)],
    expected: TWO,
  },
  {
    title: 'an empty key and a token',
    lines: ({ own }) => [bearer(own.accessToken), apiKey('')],
    expected: TWO,
  },
  {
    title: 'a key and a token where only tokens are taken',
    path: '/jwt',
    lines: ({ own }) => [bearer(own.accessToken), apiKey(own.keys.good)],
    expected: TWO,
  },
  {
    title: 'two lines with the same key',
    lines: ({ own }) => [apiKey(own.keys.good), ['x-api-key', own.keys.good]],
    expected: TWO,
  },
  {
    title: 'two lines with a key, one of them empty',
    lines: ({ own }) => [apiKey(own.keys.good), apiKey('')],
    expected: TWO,
  },
  {
    title: 'two lines with tokens',
    lines: ({ own }) => [bearer(own.accessToken), bearer(own.accessToken)],
    expected: TWO,
  },
  {
    title: 'a password of a proxy with a token behind it',
    lines: ({ own }) => [['Authorization', `Basic x, Bearer ${own.accessToken}`]],
    byCookie: true,
    expected: CAROL,
  },
  {
    title: 'a password of a proxy and a key',
    lines: ({ own }) => [['Authorization', 'Basic dXNlcjpwYXNz'], apiKey(own.keys.good)],
    expected: 'api_key of bob',
  },
  {
    title: 'a password of a proxy and a key that is none',
    lines: () => [['Authorization', 'Basic dXNlcjpwYXNz'], apiKey('none')],
    expected: BAD,
  },
  {
    title: 'a proof without a token',
    path: '/accepted',
    lines: ({ sent }) => sent['dpop-jwt'].lines('/accepted').slice(1),
    byCookie: true,
    expected: CAROL,
  },
  {
    title: 'two cookies that differ',
    byCookie: true,
    lines: ({ own }) => [cookie(own.endedSession)],
    expected: TWO,
  },
  {
    title: 'two cookies that differ, and a key',
    byCookie: true,
    lines: ({ own }) => [cookie(own.endedSession), apiKey(own.keys.good)],
    expected: 'api_key of bob',
  },
  {
    title: 'a forged token of an issuer that is not asked',
    lines: async ({ issuer }) => [bearer(forged(await issuer.mint()))],
    expected: BAD,
  },
  {
    title: 'a forged token of ours',
    lines: ({ own }) => [bearer(forged(own.accessToken))],
    expected: BAD,
  },
  {
    title: 'a token of an unknown issuer',
    lines: async ({ issuer }) => [bearer(await issuer.mint({ iss: 'https://evil.test' }))],
    expected: BAD,
  },
  ...['jwt', 'opaque', 'key', 'no-cookie'].map((guard) => ({
    title: `the cookie alone at the guard ${guard}`,
    path: `/${guard}`,
    lines: (): Lines => [],
    expected: '401 CREDENTIALS_MISSING',
  })),
  {
    title: 'a key where only sessions are taken',
    path: '/session',
    ...linesOf('key'),
    expected: BAD,
  },
  {
    title: 'a key where only bound tokens are taken',
    path: '/required',
    ...linesOf('key'),
    expected: BAD,
  },
  {
    title: 'a key of another resource at a guard that anyone may pass',
    path: '/optional',
    ...linesOf('project-key'),
    expected: '403 RESOURCE_FORBIDDEN',
  },
];

/** The outcomes of all of them, by title and path, and how often the opaque issuer was asked. */
async function outcomesOf(cases: readonly Confusion[], withCookie: boolean) {
  const world = await createCallers();
  const outcomes: Record<string, readonly [outcome: string, asked: number]> = {};
  for (const { title, lines, path = '/any' } of cases) {
    const sent = [...(await lines(world)), ...(withCookie ? [cookie(world.own.session)] : [])];
    // Places without middleware, and guards that let anonymous requests pass, are told the same.
    const before = world.opaque.questions.length;
    for (const each of path === '/any' ? ['/any', '/code', '/optional'] : [path]) {
      const outcome = outcomeOf(await world.ask(each, sent));
      outcomes[`${title} at ${each}`] = [outcome, world.opaque.questions.length - before];
    }
  }
  return outcomes;
}

/** What is expected of them, in the same form. */
function expectedOf(cases: readonly Confusion[]) {
  const entries = cases.flatMap(({ title, path = '/any', expected, asked = 0 }) => {
    const paths = path === '/any' ? ['/any', '/code', '/optional'] : [path];
    return paths.map((each) => [`${title} at ${each}`, [expected, asked]] as const);
  });
  return Object.fromEntries(entries);
}

describe('a mixed or confused request', () => {
  it('with a good cookie is judged by what comes explicitly, and by nothing else', async () => {
    expect(await outcomesOf(confusions, true)).toEqual(expectedOf(confusions));
  });

  it('without a cookie is answered alike', async () => {
    const cases = confusions.filter(({ byCookie }) => !byCookie);
    expect(await outcomesOf(cases, false)).toEqual(expectedOf(cases));
  });

  const broken = shareWorld(async () => {
    const callers = await createCallers();
    callers.breakKeys();
    return callers;
  });

  it.each(['/any', '/code', '/optional', '/key', '/session', '/at-once'])(
    'a key at %s that the store cannot tell of',
    async (path) => {
      const { ask, own } = broken();
      const sent = [apiKey(own.keys.good), cookie(own.session)];
      const isTaken = path !== '/session';
      expect(outcomeOf(await ask(path, sent))).toBe(isTaken ? '503 STORE_UNAVAILABLE' : BAD);
    },
  );
});

describe('a credential in the query', () => {
  // Nothing of it is read, so that nothing is left of it.
  const shared = shareWorld(() => createCallers());

  it.each(['api_key', 'x-api-key', 'access_token', 'token'])('as %s is not read', async (name) => {
    const { ask, own } = shared();
    for (const value of [own.keys.good, own.accessToken]) {
      const query = `${name}=${value}`;
      expect(outcomeOf(await ask(`/any?${query}`, []))).toBe('401 CREDENTIALS_MISSING');
      expect(outcomeOf(await ask(`/optional?${query}`, []))).toBe('anonymous');
    }
  });
});

describe('F7 six callers at once', () => {
  it('each get the answer that is theirs, 1,000 times', async () => {
    const world = await createCallers({
      async loadPrincipal({ subject, method }) {
        await wait(Math.random() * 5);
        return { attributes: { loadedFor: `${method} of ${subject}` } };
      },
    });
    const { sent, origin } = world;
    const kinds = ['own-jwt', 'issuer-jwt', 'opaque', 'dpop-jwt', 'key', 'cookie'] as const;
    const outcomes: { readonly kind: (typeof kinds)[number]; readonly verdict: Verdict }[] = [];
    const pending = Array.from({ length: 1_000 }, (_, at) => kinds[at % kinds.length] ?? 'key');

    // Over connections that go on, so that each carries requests of several callers.
    async function askForAll(): Promise<void> {
      for (let kind = pending.pop(); kind; kind = pending.pop()) {
        const headers = Object.fromEntries(sent[kind].lines('/accepted'));
        const response = await fetch(`${origin}/accepted`, { headers });
        const body = (await response.json()) as Omit<Verdict, 'status'>;
        outcomes.push({ kind, verdict: { status: response.status, ...body } });
      }
    }
    await Promise.all(Array.from({ length: 25 }, askForAll));
    const callers: Readonly<Record<string, string>> = {
      'own-jwt': 'jwt of alice',
      'issuer-jwt': 'jwt of dave',
      opaque: 'opaque of erin',
      'dpop-jwt': 'jwt of frank',
      key: 'api_key of bob',
      cookie: 'session of carol',
    };
    expect(outcomes).toHaveLength(1_000);
    const strayed = outcomes.filter(({ kind, verdict }) => {
      const { loadedFor } = verdict.loaded ?? {};
      return outcomeOf(verdict) !== callers[kind] || loadedFor !== callers[kind];
    });
    expect(strayed).toEqual([]);
  }, 120_000);
});
