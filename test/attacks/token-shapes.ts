/** Tokens of one kind of content, each unlike the others. */
export interface TokenShape {
  readonly tokens: number;
  make(count: number): {
    readonly header?: Readonly<Record<string, unknown>>;
    readonly claims: Readonly<Record<string, unknown>>;
  };
}

function times<Item>(count: number, make: (index: number) => Item): Item[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

function large(make: (name: (index: number) => string, count: number) => object): TokenShape {
  return {
    tokens: 150,
    make: (count) => ({
      claims: { ...make((index) => `${(count * 1000 + index).toString(36)}q`, count) },
    }),
  };
}

function members(names: readonly string[], value: unknown): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, value]));
}

/** 8 kB and more of whatever takes much memory for its length in JSON. */
export const tokenShapes: Readonly<Record<string, TokenShape>> = {
  ordinary: {
    tokens: 10_000,
    make: (count) => ({
      claims: {
        client_id: 'web',
        scope: 'openid reports:read',
        orgs: ['org-1'],
        iat: 1_799_999_900,
        jti: `token-with-the-number-${count}`,
        sid: `session-with-the-number-${count}`,
      },
    }),
  },
  'empty objects': large(() => ({ x: times(1950, () => ({})) })),
  'empty lists': large(() => ({ x: times(1950, () => []) })),
  'deep lists': large(() => ({ x: times(90, () => JSON.parse('['.repeat(28) + ']'.repeat(28))) })),
  'deep objects': large(() => ({
    x: times(35, () => JSON.parse(`${'{"a":'.repeat(28)}1${'}'.repeat(28)}`)),
  })),
  'small numbers': large(() => ({ x: times(2900, () => 1) })),
  fractions: large(() => ({ x: times(1450, () => 1.5) })),
  'a long text': large((_, count) => ({ x: `${count}`.padEnd(6000, 'x') })),
  'a long text beyond Latin-1': large((_, count) => ({ x: `${count}`.padEnd(2500, '\u0101') })),
  'short texts': large((name) => ({ x: times(800, name) })),
  'the same short texts': large(() => ({ x: times(800, (index) => `text-${index}`) })),
  'texts of one character': large(() => ({
    x: times(1450, (index) => String.fromCharCode(97 + (index % 26))),
  })),
  'members of one character': large(() => ({
    x: times(800, (index) => ({ [String.fromCharCode(97 + (index % 26))]: 1 })),
  })),
  'members with names of their own': large((name) => ({
    x: times(400, (index) => ({ [name(index)]: 1 })),
  })),
  'a wide object': large(() => ({
    x: members(
      times(700, (index) => `member-${index}`),
      1,
    ),
  })),
  'a wide object with names of its own': large((name) => ({ x: members(times(500, name), 1) })),
  'many claims': large((name) => members(times(500, name), 1)),
  'names that are numbers': large(() => ({ x: members(times(700, String), 1) })),
  'names that are numbers far apart': large(() => ({
    x: members(
      times(450, (index) => String(index * 100_000)),
      1,
    ),
  })),
  'many roles': large((name) => ({ roles: times(900, name) })),
  'many scopes': large((name) => ({ scope: times(900, name).join(' ') })),
  'many organisations': large((name) => ({ orgs: times(700, name) })),
  'organisations by id': large((name) => ({ orgs: members(times(500, name), []) })),
  'many attributes': large((name) => ({ attributes: members(times(500, name), 1) })),
  'headers of their own': {
    tokens: 5_000,
    make: (count) => ({ header: { kid: `${count}`.padEnd(200, 'k') }, claims: {} }),
  },
};
