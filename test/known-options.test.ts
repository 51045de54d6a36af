import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { renamedOption } from '../lib/known-options.js';

interface Options {
  readonly latest?: number;
  readonly former?: number;
}

const read = (options: Options, callee = 'thing'): number | undefined =>
  renamedOption(callee, options, ['former', 'latest']);

describe('an option that has been renamed', () => {
  it.each<{ options: Options; value: number | undefined }>([
    { options: { latest: 1 }, value: 1 },
    { options: { former: 2 }, value: 2 },
    { options: { former: 0 }, value: 0 },
    { options: {}, value: undefined },
  ])('$options is read as $value', ({ options, value }) => {
    expect(read(options)).toBe(value);
  });

  it('is refused under both names at once', () => {
    expect(() => read({ latest: 1, former: 1 })).toThrow(TypeError);
  });

  it('warns of its former name once per process, and names both', async () => {
    const warnings: Error[] = [];
    const collect = (warning: Error): void => void warnings.push(warning);
    process.on('warning', collect);
    read({ former: 1 }, 'once');
    read({ former: 1 }, 'once');
    read({ former: 1 }, 'another');
    const last = once(process, 'warning');
    process.emitWarning('the last one');
    await last;
    process.off('warning', collect);
    const ours = warnings.filter(({ message }) => /^(once|another):/.test(message));
    expect(ours.map(({ message }) => message.split(':')[0])).toEqual(['once', 'another']);
    expect(ours[0]).toMatchObject({
      name: 'LatchkeyWarning',
      message: expect.stringMatching(/`former`.*`latest`/),
    });
  });
});
