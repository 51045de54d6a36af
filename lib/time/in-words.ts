import { TIME_UNITS } from './units.js';

/** A length of time in its two largest units, such as `15 minutes` or `1 day 2 hours`. */
export function durationInWords(seconds: number): string {
  const whole = Math.round(Math.abs(seconds));
  const first = TIME_UNITS.findIndex(([, size]) => whole >= size);
  if (first === -1) return '0 seconds';
  let rest = whole;
  const words: string[] = [];
  for (const [name, size] of TIME_UNITS.slice(first, first + 2)) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) words.push(`${count} ${name}${count === 1 ? '' : 's'}`);
  }
  return words.join(' ');
}
