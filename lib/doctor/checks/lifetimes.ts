import { durationInWords } from '../../time/in-words.js';
import { type Check, settingsCheck, signsTokens } from '../check.js';
import { passed, warned } from '../finding.js';

const HOUR_SECONDS = 3600;
/** RFC 7519 §4.1.4: "usually no more than a few minutes"; clocks that are kept by NTP differ by less than a second. */
const USUAL_TOLERANCE_SECONDS = 60;

/** How long a stolen access token is of use. */
export const accessLifetime: Check = settingsCheck('access_lifetime', (settings) => {
  const { config, origins } = settings;
  if (!signsTokens(settings)) return undefined;
  const name = origins.nameOf('accessTtlSeconds');
  const life = durationInWords(config.accessTtlSeconds);
  if (config.accessTtlSeconds <= HOUR_SECONDS)
    return passed(`an access token lives ${life} (${name})`);
  return warned(`an access token lives ${life} (${name})`, {
    why: 'a stolen one is of use for as long, wherever it is checked without asking whether its session lives',
    fix: `set ${name} to 1h or less, since clients refresh; or guard what matters with requireAuth({ checkSession: true })`,
  });
});

/** Sessions end by idle time first, then by age. Access tokens are shorter than both. */
export const sessionLifetimes: Check = settingsCheck('session_lifetimes', (settings) => {
  if (!signsTokens(settings)) return undefined;
  const { config, origins } = settings;
  const { accessTtlSeconds, refreshIdleTtlSeconds: idle, refreshTtlSeconds: absolute } = config;
  const [access, ends] = [origins.nameOf('accessTtlSeconds'), endsOf(idle, absolute)];
  if (accessTtlSeconds < idle) return passed(`a session ${ends}`);
  return warned(`an access token lives as long as an unused session, ${durationInWords(idle)}`, {
    why: 'a session may have ended while its access token is still taken',
    fix: `make ${access} much shorter than ${origins.nameOf('refreshIdleTtlSeconds')} and ${origins.nameOf('refreshTtlSeconds')}`,
  });
});

function endsOf(idle: number, absolute: number): string {
  const age = `ends ${durationInWords(absolute)} after sign-in`;
  return idle < absolute ? `${age}, or when unused for ${durationInWords(idle)}` : age;
}

/** Every expired token is taken for as much longer. */
export const clockTolerance: Check = settingsCheck('clock_tolerance', ({ config, origins }) => {
  const { clockToleranceSeconds: tolerance } = config;
  const words = durationInWords(tolerance);
  if (tolerance <= USUAL_TOLERANCE_SECONDS) return passed(`clocks may differ by ${words}`);
  return warned(`expired tokens are taken for ${words} more`, {
    why: 'a token that was stolen, or that a log-out should have ended, lives as much longer',
    fix: `set the clocks by NTP, and ${origins.nameOf('clockToleranceSeconds')} to ${USUAL_TOLERANCE_SECONDS}s or less`,
  });
});
