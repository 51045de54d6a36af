import { isRecord } from '../../is-record.js';

/** A function that a module exports, perhaps one that makes the application. */
export interface Factory {
  /** Such as `createApp()`. */
  readonly call: string;
  /** A module that calls it, as lines. */
  readonly caller: readonly string[];
}

/** The function that a module exports, one that is named for an application first. Classes are none. */
export function factoryIn(module: unknown, fileName: string): Factory | undefined {
  const functions = Object.entries(isRecord(module) ? module : {}).filter(
    ([, value]) => typeof value === 'function' && !/^class\b/.test(String(value)),
  );
  const [name] = functions.find(([each]) => /app|server/i.test(each)) ?? functions[0] ?? [];
  if (name === undefined) return undefined;
  const isDefault = name === 'default';
  const called = isDefault ? 'createApp' : name;
  return {
    call: isDefault ? 'a function' : `${name}()`,
    caller: [
      `import ${isDefault ? called : `{ ${called} }`} from './${fileName}';`,
      `export const app = await ${called}();`,
    ],
  };
}
