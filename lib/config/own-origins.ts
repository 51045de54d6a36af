/** The origins whose pages are part of the application: its own, and those that CORS lists by name. */
export function ownOrigins({
  publicUrl,
  corsOrigins,
}: {
  readonly publicUrl: string | undefined;
  readonly corsOrigins: readonly string[];
}): readonly string[] {
  const listed = corsOrigins.filter((origin) => origin !== '*');
  return publicUrl ? [new URL(publicUrl).origin, ...listed] : listed;
}
