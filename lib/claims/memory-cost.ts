/**
 * What values take in V8's heap on a 64-bit machine, in bytes, as measured on Node 20. A remembered token
 * counts by these figures, so that a cache's bound holds whatever an issuer puts into its claims.
 */

/** Adds up what one token takes. */
export interface MemoryMeter {
  bytes: number;
}

/** What an issuer's tokens share, as far as costs depend on it. */
export interface SharedCosts {
  /** Returns whether a text is met for the first time, and remembers it for the next. */
  readonly isNewText: (text: string) => boolean;
  /** Returns how much of the cost of something shared a token has to bear. */
  readonly charge: (bytes: number) => number;
}

/**
 * Freezes a tree of JSON values and returns what it takes beside the value's own place. Members of the outermost object
 * that are in `counted` are frozen and counted already.
 */
export function freezeAndMeasure(
  value: unknown,
  shared: SharedCosts,
  counted?: ReadonlySet<string>,
): number {
  if (typeof value === 'string') return costOfText(value, shared);
  if (typeof value === 'number') return isSmall(value) ? 0 : HEAP_NUMBER;
  if (typeof value !== 'object' || value === null) return 0;
  let cost = 0;
  if (Array.isArray(value)) {
    cost = costOfList(value.length);
    for (const item of value) cost += freezeAndMeasure(item, shared);
  } else {
    const members = Object.entries(value);
    cost = costOfObject(
      members.map(([name]) => name),
      shared,
    );
    for (const [name, member] of members)
      if (!counted?.has(name)) cost += freezeAndMeasure(member, shared);
  }
  Object.freeze(value);
  return cost;
}

const HEAP_NUMBER = 16;

function isSmall(value: number): boolean {
  return (value | 0) === value && !Object.is(value, -0);
}

/** V8 keeps short texts of a JSON document, and all names of members, once for the whole process. */
const SHORT_TEXT = 10;

function costOfText(text: string, shared: SharedCosts): number {
  const { length } = text;
  if (length < 2) return 0;
  if (length > SHORT_TEXT) return costOfCharacters(text);
  return shared.isNewText(text) ? shared.charge(costOfCharacters(text)) : 0;
}

export function costOfCharacters(text: string): number {
  // eslint-disable-next-line no-control-regex -- the range is what a character of one byte may be
  const bytes = /[^\x00-\xFF]/.test(text) ? text.length * 2 : text.length;
  return 16 + upToMultipleOf8(bytes);
}

function upToMultipleOf8(bytes: number): number {
  return (bytes + 7) & ~7;
}

export function costOfList(length: number): number {
  return length === 0 ? 32 : 48 + 8 * length;
}

export function costOfSet(size: number): number {
  return 112 + 20 * nextPowerOf2(Math.max(4, size));
}

/** From that many members on an object is a hash table. */
const TABLE_MEMBERS = 128;

/** An object with such members; its values are not counted. */
export function costOfObject(names: readonly string[], shared: SharedCosts): number {
  if (names.length === 0) return 56;
  const named = names.filter((name) => !isIndex(name));
  const indexed = names.length - named.length;
  const indexCost = indexed === 0 ? 0 : costOfIndexes(indexed, Number(names[indexed - 1]));
  if (named.length >= TABLE_MEMBERS)
    return 24 + costOfTable(named.length) + costOfNames(named, shared) + indexCost;
  const cost = 24 + 8 * named.length + indexCost;
  if (named.length === 0 || !shared.isNewText(named.join('\0'))) return cost;
  return cost + shared.charge(costOfShape(named.length)) + costOfNames(named, shared);
}

/** Objects with the same names in the same order share a description of them, whose cost grows faster than their number. */
function costOfShape(members: number): number {
  return 90 + 29 * members + Math.ceil(0.73 * members * members);
}

function costOfNames(names: readonly string[], shared: SharedCosts): number {
  let cost = 0;
  for (const name of names)
    if (name.length > 1 && shared.isNewText(name)) cost += costOfCharacters(name);
  return shared.charge(cost);
}

/** Names that are whole numbers come first, in their order, and are kept like a list's items while they are dense. */
function costOfIndexes(count: number, last: number): number {
  return last < 3 * count + 16 ? 16 + 8 * (last + 1) : costOfTable(count);
}

function isIndex(name: string): boolean {
  const first = name.charCodeAt(0);
  return first >= 0x30 && first <= 0x39 && /^(?:0|[1-9]\d{0,8})$/.test(name);
}

function costOfTable(members: number): number {
  return 24 * nextPowerOf2(members * 1.5);
}

function nextPowerOf2(atLeast: number): number {
  return 2 ** Math.ceil(Math.log2(atLeast));
}
