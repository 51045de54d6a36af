import type { JsonWebKeyInput } from 'node:crypto';

// `node:crypto` exports a type of this name in some versions of @types/node only, and not all of them know `kid`.
/** A JSON Web Key (RFC 7517 §4). */
export type JsonWebKey = JsonWebKeyInput['key'] & { readonly kid?: string };
