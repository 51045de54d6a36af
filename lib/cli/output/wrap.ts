import type { Terminal } from '../terminal.js';
import { columnsOf } from './text-width.js';
import { visible } from './visible-text.js';

/** Longer lines are hard to read. */
const WIDEST = 100;

/** How long a line of text may be, in characters. */
export function widthOf({ columns = WIDEST }: Pick<Terminal, 'columns'>): number {
  return Math.min(WIDEST, columns);
}

/** Breaks between words only: what is copied, such as a URL, stays whole. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (const word of visible(text).split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && columnsOf(`${last} ${word}`) <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** Lines that begin with `head`, and then with as many spaces. */
export function hang(head: string, text: string, width: number): readonly string[] {
  const indent = ' '.repeat(head.length);
  return wrap(text, width - head.length).map((line, at) => `${at === 0 ? head : indent}${line}`);
}
