import type { Config } from './config.js';

/** The origins whose pages are part of the application: its own, and those that CORS lists exactly. */
export function ownOrigins({
  publicUrl,
  corsOrigins,
}: Pick<Config, 'publicUrl' | 'corsOrigins'>): readonly string[] {
  // Below a listed domain, and under `*`, a host may belong to strangers: its pages get no cookies and no log-in.
  const listed = corsOrigins.filter((origin) => !origin.includes('*'));
  return publicUrl ? [new URL(publicUrl).origin, ...listed] : listed;
}

interface CorsSettings {
  readonly origins: readonly string[] | '*';
  readonly credentials: boolean;
  readonly allowedHeaders?: readonly string[];
  readonly exposedHeaders: readonly string[];
}

/** What `securityHeaders({ cors })` takes; undefined where no page of another origin may call us. */
export function corsSettings({
  corsOrigins,
  corsHeaders,
  corsExposedHeaders,
}: Pick<Config, 'corsOrigins' | 'corsHeaders' | 'corsExposedHeaders'>): CorsSettings | undefined {
  if (corsOrigins.length === 0) return undefined;
  const isAny = corsOrigins.includes('*');
  return {
    origins: isAny ? '*' : corsOrigins,
    credentials: !isAny,
    ...(corsHeaders.length > 0 && { allowedHeaders: corsHeaders }),
    exposedHeaders: corsExposedHeaders,
  };
}
