import type { Terminal } from '../terminal.js';

type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow';

const CODES: Readonly<Record<Style, readonly [on: number, off: number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
};

/** Writes text in a style, or as it is where nobody sees colours. The text is made visible before, and padded. */
export type Paint = (style: Style, text: string) => string;

/** The paint of an output: on a terminal only, unless FORCE_COLOR or NO_COLOR says otherwise (https://no-color.org). */
export function createPaint(terminal: Terminal, output: 'stdout' | 'stderr'): Paint {
  if (!isColoured(terminal, output)) return (_style, text) => text;
  return (style, text) => {
    const [on, off] = CODES[style];
    return `\u001B[${on}m${text}\u001B[${off}m`;
  };
}

/** As Node does it: FORCE_COLOR goes before NO_COLOR, and is off with `0` or `false`. */
function isColoured({ env, isTty }: Terminal, output: 'stdout' | 'stderr'): boolean {
  const { FORCE_COLOR: forced, NO_COLOR: none = '', TERM: kind } = env;
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  return none === '' && kind !== 'dumb' && isTty?.[output] === true;
}
