import { isRecord } from '../../is-record.js';

/** A function that a module exports, perhaps one that makes the application. */
export interface Factory {
  /** Such as `createApp()`. */
  readonly call: string;
  /** A module that calls it, such as `import { createApp } from './app.js'; export const app = createApp();`. */
  readonly caller: string;
}

/** The function that a module exports, the one that is named for an application first. Classes are none. */
export function factoryIn(module: unknown, fileName: string): Factory | undefined {
  const functions = Object.entries(isRecord(module) ? module : {}).filter(
    ([, value]) => typeof value === 'function' && !/^class\b/.test(String(value)),
  );
  const [name] = functions.find(([each]) => /app|server/i.test(each)) ?? functions[0] ?? [];
  if (name === undefined) return undefined;
  const [called, imported] =
    name === 'default' ? ['createApp', 'createApp'] : [name, `{ ${name} }`];
  return {
    call: name === 'default' ? 'the exported function' : `${name}()`,
    caller: `import ${imported} from './${fileName}'; export const app = await ${called}();`,
  };
}
