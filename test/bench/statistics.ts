/** Middle half of a series: what is left when noise has taken the outer quarters. */
export interface Quartiles {
  readonly low: number;
  readonly median: number;
  readonly high: number;
}

export function quartiles(values: readonly number[]): Quartiles {
  return {
    low: percentile(values, 25),
    median: percentile(values, 50),
    high: percentile(values, 75),
  };
}

/** Linear between the two nearest values. `percent` is 0 to 100. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const position = ((sorted.length - 1) * percent) / 100;
  const below = sorted[Math.floor(position)] ?? Number.NaN;
  const above = sorted[Math.ceil(position)] ?? below;
  return below + (above - below) * (position - Math.floor(position));
}

/** The order of the two sides in pair number `index`: A B, B A, A B … so that a drift hits both alike. */
export function abba<Side>(index: number, sides: readonly [Side, Side]): readonly [Side, Side] {
  return index % 2 === 0 ? sides : [sides[1], sides[0]];
}
