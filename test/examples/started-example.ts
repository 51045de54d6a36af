import { onTestFinished } from 'vitest';
import { type Script, startScript, until } from '../package/start-script.js';

interface StartedExample {
  readonly script: Script;
  /** What the example prints that fits, once it does. */
  readonly printed: (pattern: RegExp) => Promise<string>;
}

/** Does what `npm run example <name>` does once the package is built, on free ports, until the test has finished. */
export function startExample(name: string): StartedExample {
  const script = startScript(['--import', 'tsx', 'examples/start.ts', name], {
    env: { PORT: '0', TSX_TSCONFIG_PATH: 'examples/tsconfig.installed.json' },
  });
  onTestFinished(() => void script.child.kill());
  return {
    script,
    async printed(pattern) {
      await until(script, () => pattern.test(script.output.stdout));
      return pattern.exec(script.output.stdout)?.[0] ?? '';
    },
  };
}
