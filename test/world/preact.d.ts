/**
 * The part of preact's types that Auth.js names. The real ones bring the types of a browser into the whole program, where Node's
 * `fetch` then no longer fits.
 */
export declare namespace JSX {
  type Element = unknown;
  interface IntrinsicElements {
    readonly input: Readonly<Record<string, unknown>>;
  }
}
