import type { Check } from './check.js';
import { apiKeys } from './checks/accounts.js';
import { cookies, publicUrl } from './checks/addresses.js';
import { configuration, configWarnings, devToken, nodeEnv } from './checks/configuration.js';
import { cors, frameAncestors } from './checks/cors.js';
import { algorithm, keyAge, keyStrength, sharedSecret } from './checks/keys.js';
import { accessLifetime, clockTolerance, sessionLifetimes } from './checks/lifetimes.js';
import { loginLimit, rateLimit } from './checks/limits.js';
import { store } from './checks/store.js';

/** Checks that need settings and environment alone: those of AUTH_STRICT among them. */
export const settingChecks: readonly Check[] = [
  configuration,
  configWarnings,
  nodeEnv,
  devToken,
  keyStrength,
  keyAge,
  algorithm,
  sharedSecret,
  accessLifetime,
  sessionLifetimes,
  clockTolerance,
  publicUrl,
  cookies,
  cors,
  frameAncestors,
  loginLimit,
  rateLimit,
  store,
  apiKeys,
];
