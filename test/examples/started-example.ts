import { onTestFinished } from 'vitest';
import { type Script, startScript, until } from '../package/start-script.js';

interface StartedExample {
  readonly script: Script;
  /** What the example prints that fits, once it does. */
  readonly printed: (pattern: RegExp) => Promise<string>;
}

/** Does what `npm run example <name>` does once the package is built, on free ports, until the test has finished. */
export function startExample(name: string): StartedExample {
  return start(['--import', 'tsx', 'examples/start.ts', name], {
    TSX_TSCONFIG_PATH: 'examples/tsconfig.installed.json',
  });
}

/** Starts an example by its compiled `server.ts`, on free ports, until the test has finished. */
export function startCompiled(server: string): StartedExample {
  return start([server], {});
}

function start(args: readonly string[], env: Readonly<Record<string, string>>): StartedExample {
  const script = startScript(args, { env: { ...env, PORT: '0' } });
  onTestFinished(() => void script.child.kill());
  return {
    script,
    async printed(pattern) {
      await until(script, () => pattern.test(script.output.stdout));
      return pattern.exec(script.output.stdout)?.[0] ?? '';
    },
  };
}
