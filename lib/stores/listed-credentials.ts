import { type CredentialFilter, MOST_LISTED_CREDENTIALS, type StoredCredential } from './store.js';

/** What a list has of these credentials, in its order. For stores that can't ask their database for it. */
export function listedCredentials(
  credentials: readonly StoredCredential[],
  { kind }: CredentialFilter = {},
): readonly StoredCredential[] {
  const newestFirst = (a: StoredCredential, b: StoredCredential): number =>
    b.createdAt - a.createdAt;
  const all = credentials
    .filter((credential) => kind === undefined || credential.kind === kind)
    .toSorted(newestFirst);
  if (all.length <= MOST_LISTED_CREDENTIALS) return all;
  const kept = all.filter(({ revokedAt }) => revokedAt === undefined);
  const revoked = all.filter(({ revokedAt }) => revokedAt !== undefined);
  return [...kept, ...revoked].slice(0, MOST_LISTED_CREDENTIALS).toSorted(newestFirst);
}
