/** Cost parameters of argon2id (RFC 9106 §3.1). */
export interface HashCost {
  /** KiB. */
  readonly memoryCost: number;
  readonly timeCost: number;
  readonly parallelism: number;
}

/** OWASP's and the design's choice: 19 MiB, two passes, one lane. */
export const COST: HashCost = Object.freeze({ memoryCost: 19_456, timeCost: 2, parallelism: 1 });

/** Above these a stored hash is no hash of ours but an attempt to use up memory or time. */
const MOST: HashCost = { memoryCost: 262_144, timeCost: 16, parallelism: 16 };

/** PHC string format: only what argon2id itself writes, in the lengths that make sense. */
const SHAPE =
  /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$[A-Za-z\d+/]{11,86}\$[A-Za-z\d+/]{22,86}$/;

/** The cost of a stored hash; undefined for whatever the hash function should not be bothered with. */
export function readCost(hash: string): HashCost | undefined {
  const [, memoryCost, timeCost, parallelism] = (SHAPE.exec(hash) ?? []).map(Number);
  if (memoryCost === undefined || timeCost === undefined || parallelism === undefined)
    return undefined;
  const isSane =
    memoryCost >= 8 * parallelism &&
    memoryCost <= MOST.memoryCost &&
    timeCost >= 1 &&
    timeCost <= MOST.timeCost &&
    parallelism >= 1 &&
    parallelism <= MOST.parallelism;
  return isSane ? { memoryCost, timeCost, parallelism } : undefined;
}

export function isCostOfToday({ memoryCost, timeCost, parallelism }: HashCost): boolean {
  return (
    memoryCost === COST.memoryCost && timeCost === COST.timeCost && parallelism === COST.parallelism
  );
}
