import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

/** Where Debian's package puts it; another place may be named. */
const CHROMIUM = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';

/**
 * Whether to leave tests out because there is no browser. Says so in plain words. Never in CI, where a missing browser is a
 * failure.
 */
export function isChromiumMissing(): boolean {
  if (process.env.CI || existsSync(CHROMIUM)) return false;
  console.log(
    `Skipped: the tests that need a browser, because there is no Chromium at ${CHROMIUM}.`,
  );
  return true;
}

/** Starts a browser that sends nothing to the internet. */
export function launchChromium(args: readonly string[] = []): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      // Its sandbox does not start for root, who runs the tests in many a container.
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      ...args,
    ],
  });
}
