import { acceptable, isFlaw } from '../../doctor/examine.js';
import type { Finding, Outcome } from '../../doctor/finding.js';
import { createPaint, type Paint } from '../output/paint.js';
import type { Terminal } from '../terminal.js';
import { hang, widthOf, wrap } from '../output/wrap.js';

/** Columns beside the names of checks, with fewer of which the text goes below them. */
const NARROW = 50;
const MARKS = {
  pass: ['green', 'PASS'],
  warn: ['yellow', 'WARN'],
  fail: ['red', 'FAIL'],
} as const;

/** The report for people: a finding in a line, with the reason and the cure below where something is to be done. */
export function linesOf(findings: readonly Finding[], terminal: Terminal): readonly string[] {
  const paint = createPaint(terminal, 'stdout');
  const width = widthOf(terminal);
  const column = Math.max(0, ...findings.map(({ check }) => check.length));
  return [
    ...findings.flatMap((finding) => findingLines(finding, { paint, width, column })),
    '',
    ...summaryLines(findings, paint, width),
  ];
}

interface Layout {
  readonly paint: Paint;
  readonly width: number;
  /** Width of the names of checks. */
  readonly column: number;
}

function findingLines(finding: Finding, { paint, width, column }: Layout): readonly string[] {
  const { check, outcome, accepted } = finding;
  const [style, mark] = MARKS[outcome];
  const isNarrow = width - column < NARROW;
  const indent = ' '.repeat(isNarrow ? 8 : column + 10);
  const [first = '', ...rest] = wrap(finding.says, width - indent.length);
  const head = `  ${paint(style, mark)}  ${check.padEnd(column)}`;
  const says = [
    ...(isNarrow ? [head.trimEnd(), `${indent}${first}`] : [`${head}  ${first}`]),
    ...rest.map((line) => `${indent}${line}`),
  ];
  if (finding.outcome === 'pass') return says;
  if (accepted) return [...says, `${indent}${paint('dim', 'accepted by AUTH_ACCEPTED_WARNINGS')}`];
  return [
    ...says,
    ...labelled('why', finding.why, { indent, paint, width }),
    ...labelled('fix', finding.fix, { indent, paint, width }),
  ];
}

function labelled(
  label: string,
  text: string,
  { indent, paint, width }: Omit<Layout, 'column'> & { readonly indent: string },
): readonly string[] {
  return wrap(text, width - indent.length - 5).map(
    (line, at) => `${indent}${at === 0 ? paint('dim', `${label}:`) : '    '} ${line}`,
  );
}

function summaryLines(
  findings: readonly Finding[],
  paint: Paint,
  width: number,
): readonly string[] {
  const flaws = findings.filter(isFlaw);
  const failed = flaws.filter(({ outcome }) => outcome === 'fail');
  const warned = flaws.filter(({ outcome }) => outcome === 'warn');
  const counts = [
    failed.length > 0 && paint('red', `${failed.length} failed`),
    warned.length > 0 &&
      paint('yellow', warned.length === 1 ? '1 warning' : `${warned.length} warnings`),
    paint('green', `${countOf(findings, 'pass')} passed`),
  ].filter((count) => count !== false);
  return [counts.join(', '), ...nextStep(findings, width)];
}

function nextStep(findings: readonly Finding[], width: number): readonly string[] {
  const flaws = findings.filter(isFlaw);
  if (flaws.some(({ outcome }) => outcome === 'fail'))
    return ['Next: fix what FAILs, and run this again.'];
  if (flaws.length === 0) return [];
  return [
    ...hang(
      'Next: ',
      'fix what is WARNed of, or accept what is right for this application:',
      width,
    ),
    `  AUTH_ACCEPTED_WARNINGS=${acceptable(findings).join(',')}`,
  ];
}

function countOf(findings: readonly Finding[], outcome: Outcome): number {
  return findings.filter((finding) => finding.outcome === outcome).length;
}
