import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { stackOf } from '../../audit/layers.js';
import { member } from '../../audit/member.js';
import type { CreatedAuth } from '../../doctor/created.js';
import { isRecord } from '../../is-record.js';
import { type AppStage, enterStage } from './stage.js';
import { nearestFile } from '../nearest-file.js';
import { factoryIn } from './factory.js';
import { exportsOf, findApps } from './find.js';
import { LoadFailure } from './load-failure.js';
import { withProgress } from '../output/progress.js';
import type { Terminal } from '../terminal.js';
import { UsageError } from '../usage-error.js';

/** An application that was loaded to be inspected. */
export interface LoadedApp {
  /** Applications of Express 4 or 5, or of NestJS. At least one. */
  readonly apps: readonly unknown[];
  /** What `createAuth()` has made so far. */
  readonly auths: readonly CreatedAuth[];
  /** Closes what `createAuth()` has made, for which it waits two seconds at most, and makes the process what it was. */
  close(): Promise<void>;
}

/**
 * Loads the module that starts an application, without opening a port. Until `close()`, what the application prints goes to standard
 * error, and it cannot end the process. The command ends when its work is done, whatever the application has open.
 *
 * `patienceMs` is how long it may take. Rejects with a `UsageError` for a path that is no file, and with a `LoadFailure` for a module
 * that throws, ends the process, doesn't load in time or holds no application.
 */
export async function loadApp(
  given: string,
  terminal: Terminal,
  { patienceMs = 20_000 }: { readonly patienceMs?: number } = {},
): Promise<LoadedApp> {
  const file = existingFile(given);
  terminal.endWithCommand?.();
  const stage = enterStage(file, terminal.complain);
  const close = () => leave(stage);
  try {
    const loading = applicationsIn(file, stage, patienceMs);
    const apps = await withProgress(terminal, 'loading the application', loading);
    return { apps, auths: stage.auths, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function existingFile(given: string): string {
  const file = path.resolve(given);
  const kind = statSync(file, { throwIfNoEntry: false });
  if (kind?.isFile()) return file;
  const name = JSON.stringify(given);
  if (kind) throw new UsageError(`${name} is a folder; give the file that starts the application`);
  throw new UsageError(`there is no file ${name}${nearestFile(file, MODULE)}`);
}

const MODULE = /\.[cm]?[jt]s$/;

/** Resolves with the applications as soon as they are complete. */
function applicationsIn(
  file: string,
  stage: AppStage,
  patienceMs: number,
): Promise<readonly unknown[]> {
  return new Promise((resolve, reject) => {
    const progress: Progress = {
      ...{ file, stage, module: undefined, promised: [], isLoaded: false },
    };
    const look = (end?: 'late' | 'idle'): void => {
      const { apps, areComplete } = applicationsSoFar(progress);
      if (areComplete || (end !== undefined && apps.length > 0)) settle(() => resolve(apps));
      else if (end === 'idle') fail(nothingFound(progress, ''));
      else if (end === 'late') fail(nothingFound(progress, ` within ${patienceMs / 1000} seconds`));
    };
    // Applications that are made one after the other are looked at together.
    const lookSoon = () => setImmediate(look);
    const lookIdle = () => setImmediate(look, 'idle');
    // An application that waits for nothing any more ends the wait.
    const timer = setTimeout(look, patienceMs, 'late').unref();
    process.once('beforeExit', lookIdle);
    const settle = (end: () => void): void => {
      clearTimeout(timer);
      process.off('beforeExit', lookIdle);
      end();
    };
    const fail = (says: string, cause?: unknown): void =>
      settle(() => reject(new LoadFailure(`${path.basename(file)} ${says}`, { cause })));
    stage.hear({ onChange: lookSoon, onFailure: fail });
    const takeModule = (module: unknown): void => {
      Object.assign(progress, { module, isLoaded: true });
      for (const promise of exportsOf(module).filter((each) => each instanceof Promise))
        void promise.then((value: unknown) => {
          progress.promised.push(value);
          lookSoon();
        });
      lookSoon();
    };
    import(/* @vite-ignore */ pathToFileURL(file).href).then(takeModule, (error: unknown) =>
      fail(...whyNotLoaded(file, error)),
    );
  });
}

interface Progress {
  readonly file: string;
  readonly stage: AppStage;
  readonly module: unknown;
  /** What promises that the module exports have resolved with. */
  readonly promised: unknown[];
  readonly isLoaded: boolean;
}

/** Routes may be added after the module has loaded. An application that listens, or has some, has all of them. */
function applicationsSoFar({ stage, module, promised, isLoaded }: Progress) {
  const listening = findApps([...stage.servers, ...stage.nestApps]);
  const apps = findApps([...exportsOf(module), ...promised, ...stage.servers, ...stage.nestApps]);
  const areComplete = apps.every(
    (app) =>
      listening.includes(app) || stackOf(app)?.length || member(app, 'isInitialized') === true,
  );
  return { apps, areComplete: isLoaded && apps.length > 0 && areComplete };
}

/** `when` is empty for an application that does nothing any more. */
function nothingFound({ file, stage, module, isLoaded }: Progress, when: string): string {
  if (!isLoaded)
    return `has not finished loading${when}: a top-level await waits for something that does not come, such as a database that cannot be reached`;
  if (stage.hasForked())
    return 'only forks workers (node:cluster): give the module that the workers run, which has the application';
  if (stage.servers.size > 0)
    return 'listens with a handler that is no application of Express or NestJS: add export { app }, or module.exports = app';
  const factory = factoryIn(module, path.basename(file));
  if (factory)
    return [
      `exports ${factory.call}, which nothing has called${when}; give the file that calls it, or one such as`,
      ...factory.caller.map((line) => `  ${line}`),
    ].join('\n');
  return `neither exports an application of Express or NestJS nor listens with one${when}: give the file that starts the application, or add export { app }`;
}

function whyNotLoaded(file: string, error: unknown): readonly [says: string, cause?: unknown] {
  if (/\.[cm]?ts$/.test(file) && isOfTypeScript(error))
    return [
      'is TypeScript that Node does not run as it is: build it and give the JavaScript file, or write node --import tsx node_modules/latchkey/dist/cli/latchkey.js in the place of npx latchkey',
    ];
  // JavaScript throws anything.
  if (!(error instanceof Error)) return [`has thrown ${inspect(error)} while it was loaded`];
  const place = placeOf(error);
  return [place === undefined ? 'cannot be loaded' : `cannot be loaded (${place})`, error];
}

const TYPESCRIPT_CODES: ReadonlySet<unknown> = new Set([
  'ERR_UNKNOWN_FILE_EXTENSION',
  'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX',
  'ERR_INVALID_TYPESCRIPT_SYNTAX',
]);

function isOfTypeScript(error: unknown): boolean {
  if (!isRecord(error)) return false;
  const { code, url } = error;
  // `import './routes.js'` beside routes.ts
  const isUnbuilt =
    code === 'ERR_MODULE_NOT_FOUND' &&
    typeof url === 'string' &&
    existsSync(new URL(url.replace(/js$/, 'ts')));
  return isUnbuilt || TYPESCRIPT_CODES.has(code);
}

/** The first line of the application in a stack. */
function placeOf({ stack = '' }: Error): string | undefined {
  const places = stack.matchAll(/(?<![\w.-])(?:file:\/\/)?((?:\/|[A-Z]:\\)[^\s()]*:\d+)/g);
  const own = [...places].find(([place]) => !place.includes('node_modules'))?.[1];
  return own === undefined ? undefined : path.relative(process.cwd(), own);
}

const CLOSING_MS = 2000;

async function leave(stage: AppStage): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const closed = Promise.allSettled(stage.auths.map((auth) => auth.close()));
  const late = new Promise((resolve) => (timer = setTimeout(resolve, CLOSING_MS)));
  await Promise.race([closed, late]);
  clearTimeout(timer);
  // What the application has thrown as it was ended comes up before that.
  await new Promise((resolve) => setImmediate(resolve));
  stage.leave();
}
