import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Playwright from 'playwright-core';
import type { Browser } from 'playwright-core';
import { onTestFinished } from 'vitest';

// An import would also search all of its code for names to export: a third of what loading it costs.
const { chromium }: typeof Playwright = createRequire(import.meta.url)('playwright-core');

/** Where Debian's package puts it; another place may be named. */
const CHROMIUM = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';
/** The same engine without a browser's own services. A context costs it a fifth of the time. */
const HEADLESS_SHELL = '/usr/bin/chromium-headless-shell';

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

/** What keeps a browser from the internet: whatever is not on this machine does not exist. */
const ARGS = [
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1',
  // Its sandbox does not start for root, who runs the tests in many a container.
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/**
 * Features that the whole browser is to be without. It loads the suggestions of its address bar for every window, which costs
 * more than the window. The later of two such arguments counts, so this one repeats those of Playwright's that change
 * what a page sees, or that ask the internet.
 */
const WITHOUT_FEATURES = [
  ...['WebUIOmniboxPopup', 'WebUIOmniboxAimPopup', 'WebUIOmniboxFullPopup'],
  ...['HttpsUpgrades', 'HttpsFirstBalancedModeAutoEnable', 'ThirdPartyStoragePartitioning'],
  ...['AvoidCorsURLLoaderRestartOnRedirect', 'AvoidUnnecessaryBeforeUnloadCheckSync'],
  ...['DestroyProfileOnBrowserClose', 'LensOverlay', 'MediaRouter', 'PaintHolding'],
  ...['OptimizationHints', 'NetworkTimeServiceQuerying', 'AimEnabled', 'PreconnectToSearch'],
];
const WITHOUT = `--disable-features=${WITHOUT_FEATURES.join()}`;

/** Starts a browser that sends nothing to the internet: the headless shell where there is one. */
export function launchChromium(): Promise<Browser> {
  return launch(existsSync(HEADLESS_SHELL) ? HEADLESS_SHELL : CHROMIUM);
}

/**
 * The whole browser, for what its headless shell lacks: the back/forward cache and the blocking of third-party cookies. `without` are arguments that it would
 * get otherwise.
 */
export function launchWholeChromium(
  args: readonly string[],
  without: readonly string[] = [],
): Promise<Browser> {
  return launch(CHROMIUM, [WITHOUT, ...args], without);
}

function launch(
  executablePath: string,
  args: readonly string[] = [],
  without: readonly string[] = [],
): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [...ARGS, ...args],
    ignoreDefaultArgs: [...without],
  });
}

/**
 * Opens a page in a browser that nobody drives, until the test ends: prerendering is off where somebody does. The page has to
 * act by itself.
 */
export async function openUndriven(address: string): Promise<void> {
  const profile = await mkdtemp(join(tmpdir(), 'latchkey-profile-'));
  const child = spawn(
    CHROMIUM,
    ['--headless=new', ...ARGS, WITHOUT, `--user-data-dir=${profile}`, address],
    { stdio: 'ignore' },
  );
  const exit = once(child, 'exit');
  onTestFinished(async () => {
    child.kill();
    await exit;
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  });
}
