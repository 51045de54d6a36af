/** Numbers from `low` to `high` that a reader has not seen. */
interface Gap {
  readonly low: number;
  readonly high: number;
  /**
   * A transaction number that was not yet in use when the gap was first seen. Whoever was given one of the missing numbers had
   * begun before: when all older transactions have ended, nobody will fill the gap.
   */
  readonly bornBefore: number;
}

/**
 * How far a reader of revocations has come. Numbers are given before commits, so a lower one can appear after a higher one:
 * those that were missing are asked for again.
 */
export interface Position {
  /** The moment from which on revocations are wanted. */
  readonly since: number;
  /** The last entry that has no number, from before there were numbers. */
  readonly unnumbered: { readonly revokedAt: number; readonly id: string } | undefined;
  /** The highest number that was read. Undefined: only entries without a number were read so far. */
  readonly seq: number | undefined;
  readonly gaps: readonly Gap[];
}

/** So many at most: more are joined, and what was read between them is read again. */
const MOST_GAPS = 500;

export function formatPosition({ since, unnumbered, seq, gaps }: Position): string {
  if (seq === undefined) return `${since} at ${unnumbered?.revokedAt} ${unnumbered?.id}`;
  const missing = gaps.map(({ low, high, bornBefore }) => `${low}-${high}-${bornBefore}`);
  return [since, seq, ...missing].join(' ');
}

export function parsePosition(text: string): Position {
  const [since, seq, ...rest] = text.split(' ');
  if (seq === 'at') {
    const [revokedAt, ...id] = rest;
    const unnumbered = { revokedAt: Number(revokedAt), id: id.join(' ') };
    return { since: Number(since), unnumbered, seq: undefined, gaps: [] };
  }
  const gaps = rest.map((gap) => {
    const [low = 0, high = 0, bornBefore = 0] = gap.split('-').map(Number);
    return { low, high, bornBefore };
  });
  return { since: Number(since), unnumbered: undefined, seq: Number(seq), gaps };
}

/** Forgets the gaps that nobody will fill. `oldest` is the oldest transaction that has not ended. */
export function closeGaps(position: Position, oldest: number): Position {
  return { ...position, gaps: position.gaps.filter(({ bornBefore }) => bornBefore > oldest) };
}

/** The position after an entry was read, of which `next` is the first transaction that had not begun. */
export function passEntry(position: Position, seq: number, next: number): Position {
  const last = position.seq ?? 0;
  if (seq > last) {
    const gap = { low: last + 1, high: seq - 1, bornBefore: next };
    return {
      ...position,
      seq,
      gaps: joined(gap.low > gap.high ? position.gaps : [...position.gaps, gap]),
    };
  }
  const at = position.gaps.findIndex(({ low, high }) => seq >= low && seq <= high);
  const gap = position.gaps[at];
  if (!gap) return position;
  const rest = [
    { ...gap, high: seq - 1 },
    { ...gap, low: seq + 1 },
  ].filter(({ low, high }) => low <= high);
  const gaps = position.gaps.toSpliced(at, 1, ...rest);
  return { ...position, gaps: joined(gaps) };
}

function joined(gaps: readonly Gap[]): readonly Gap[] {
  const [first, second, ...rest] = gaps;
  if (gaps.length <= MOST_GAPS || !first || !second) return gaps;
  const both = {
    low: Math.min(first.low, second.low),
    high: Math.max(first.high, second.high),
    bornBefore: Math.max(first.bornBefore, second.bornBefore),
  };
  return [both, ...rest];
}
