/** Refuses what the example makes up where NODE_ENV says that people rely on it. `variables` would be in its place. */
export function requireDevelopment(variables: string): void {
  if (process.env.NODE_ENV === 'production')
    throw new Error(`set ${variables}: what is made up in their place is for development`);
}
