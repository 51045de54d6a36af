/** A token made for one attack. */
export interface ForgedToken {
  /** The attack, e.g. `A1 alg "none", no signature`. Unique within `forge.all()`. */
  readonly title: string;
  readonly token: string;
}

/** A family of attacks. Empty where the attack makes no sense for the issuer's algorithm or profile. */
export type Forgery = () => Promise<readonly ForgedToken[]>;
