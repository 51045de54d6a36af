import type { Quartiles } from './statistics.js';

export type Goal =
  | { readonly atLeast: number }
  | { readonly atMost: number }
  | { readonly exactly: number };

export type Unit = '' | 'x' | 'µs' | 'ms' | 's' | 'bytes';

/**
 * How far a figure can be trusted. `timed`: only on a quiet machine, and then within wide margins. `steady`: hardly
 * moved by what else is running. `counter`: counted, so the same everywhere, and any miss fails the run.
 */
export type Kind = 'timed' | 'steady' | 'counter';

export interface Finding {
  readonly what: string;
  readonly value: number;
  readonly unit?: Unit;
  /** Middle half of the pairs, where there were pairs. */
  readonly spread?: Quartiles;
  readonly goal?: Goal;
  /** @defaultValue `'timed'` */
  readonly kind?: Kind;
  readonly note?: string;
}

export type Report = (finding: Finding) => void;

export type Verdict = '' | 'met' | 'not met' | 'FAILED' | 'not judged';

/**
 * How far a figure that is not a counter may lie beyond its goal before the run fails. Wide on purpose: a shared
 * machine moves a ratio by a tenth from run to run, and a gate that cries wolf is soon ignored. Within the margin
 * a missed goal is reported as "not met" and fails nothing.
 */
const MARGIN = 0.4;

/** Judges one finding. Timed figures are judged only when the run's control was in order. */
export function judge(finding: Finding, isControlled: boolean): Verdict {
  const { value, goal, kind = 'timed' } = finding;
  if (goal === undefined) return '';
  if (kind === 'timed' && !isControlled) return 'not judged';
  if (meets(value, goal, 0)) return 'met';
  return kind !== 'counter' && meets(value, goal, MARGIN) ? 'not met' : 'FAILED';
}

function meets(value: number, goal: Goal, margin: number): boolean {
  if ('exactly' in goal) return value === goal.exactly;
  return 'atLeast' in goal
    ? value >= goal.atLeast * (1 - margin)
    : value <= goal.atMost * (1 + margin);
}

export const tableHead = row(['what', 'measured', 'middle half', 'goal', 'verdict']);

/** One line of the table that a run prints. */
export function tableLine(finding: Finding, isControlled: boolean): string {
  const { what, value, unit = '', spread, goal, note } = finding;
  const verdict = judge(finding, isControlled);
  const middle = spread ? `${figure(spread.low)} – ${figure(spread.high)}` : '';
  const cells = [what, `${figure(value)} ${unit}`.trim(), middle, goalText(goal, unit), verdict];
  return note ? `${row(cells)}\n    ${note}` : row(cells);
}

function row(cells: readonly string[]): string {
  const widths = [82, 10, 14, 11, 0];
  return cells.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join(' ');
}

function goalText(goal: Goal | undefined, unit: Unit): string {
  if (!goal) return '';
  if ('exactly' in goal) return `= ${goal.exactly}`;
  const text = 'atLeast' in goal ? `>= ${goal.atLeast}` : `<= ${figure(goal.atMost)}`;
  return `${text} ${unit}`.trim();
}

function figure(value: number): string {
  if (Number.isInteger(value)) return String(value);
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}
