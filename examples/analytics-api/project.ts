import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import {
  type Environment,
  ProjectError,
  readProjectFile,
  refuse,
  type Steps,
} from './project-file.js';
import {
  type DatasetRules,
  type PageTree,
  projectSchema,
  type ProjectTree,
} from './project-schema.js';

export type Row = Readonly<Record<string, unknown>>;
export type Dataset = DatasetRules & { readonly data: readonly Row[] };
export type ReportPage = Omit<PageTree, 'dataset'> & { readonly dataset: Dataset };

export interface Project {
  /** Settings for `createAuth()`. */
  readonly auth: Readonly<Record<string, unknown>>;
  readonly datasets: ReadonlyMap<string, Dataset>;
  readonly pages: ReadonlyMap<string, ReportPage>;
  readonly placeOf: (steps: Steps) => string;
}

/** Reads the project file and the data that it names. Throws a {@link ProjectError}. */
export function loadProject(file: string, env: Environment): Project {
  const { tree, placeOf } = readProjectFile(file, env);
  const show = ({ steps, problem }: Problem): string =>
    `${placeOf(steps)}: ${steps.map(String).join('.')}: ${problem}`;

  const parsed = projectSchema.safeParse(tree);
  if (!parsed.success) throw new ProjectError(parsed.error.issues.flatMap(problemsOf).map(show));
  const project = parsed.data;

  const datasets = new Map<string, Dataset>();
  for (const [name, rules] of Object.entries(project.datasets))
    datasets.set(name, { ...rules, data: readData(path.resolve(path.dirname(file), rules.file)) });
  refuse([...datasetProblems(datasets), ...pageProblems(project, datasets)].map(show));

  const pages = new Map<string, ReportPage>();
  for (const [name, page] of Object.entries(project.pages)) {
    const dataset = datasets.get(page.dataset);
    if (dataset) pages.set(name, { ...page, dataset });
  }
  return { auth: project.auth, datasets, pages, placeOf };
}

const rows = z.array(z.record(z.string(), z.unknown()));

/** A database would be asked here instead. */
function readData(file: string): readonly Row[] {
  return rows.parse(JSON.parse(readFileSync(file, 'utf8')));
}

interface Problem {
  readonly steps: Steps;
  readonly problem: string;
}

/** What the schema says, down to where it says something useful. */
function problemsOf(issue: z.core.$ZodIssue): readonly Problem[] {
  const { path: steps, message } = issue;
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ steps: [...steps, key], problem: 'is not known here' }));
  if (issue.code === 'invalid_key')
    return issue.issues.map((inner) => ({ steps, problem: inner.message }));
  // Every union here ends with what is not a single word.
  const inner = issue.code === 'invalid_union' ? (issue.errors.at(-1) ?? []) : [];
  if (inner.length === 0) return [{ steps, problem: message }];
  return inner
    .flatMap(problemsOf)
    .map((problem) => ({ ...problem, steps: [...steps, ...problem.steps] }));
}

/** Addresses below `/api/v1` that are no data sets. */
const RESERVED = ['auth', 'me', 'pages'];

/** A rule for a column that the data lacks protects nothing: it is misspelt. */
function* datasetProblems(datasets: ReadonlyMap<string, Dataset>): Iterable<Problem> {
  for (const [name, { columns, rows: rules, data }] of datasets) {
    const steps = ['datasets', name];
    if (RESERVED.includes(name)) yield { steps, problem: 'is the name of a route' };
    const known = [...new Set(data.flatMap((row) => Object.keys(row)))];
    const unknown = { problem: `is no column of the data, which has ${known.join(', ')}` };
    for (const column of Object.keys(columns))
      if (!known.includes(column)) yield { steps: [...steps, 'columns', column], ...unknown };
    for (const [at, { where }] of rules.entries())
      for (const column of where === 'everything' ? [] : Object.keys(where))
        if (!known.includes(column))
          yield { steps: [...steps, 'rows', at, 'where', column], ...unknown };
  }
}

function* pageProblems(
  { pages }: ProjectTree,
  datasets: ReadonlyMap<string, Dataset>,
): Iterable<Problem> {
  for (const [name, { dataset, columns, total }] of Object.entries(pages)) {
    const steps = ['pages', name];
    const declared = Object.keys(datasets.get(dataset)?.columns ?? {});
    if (declared.length === 0) {
      yield { steps: [...steps, 'dataset'], problem: 'is no data set' };
      continue;
    }
    const problem = `is no column that the data set shows, which are ${declared.join(', ')}`;
    for (const [at, column] of columns.entries())
      if (!declared.includes(column)) yield { steps: [...steps, 'columns', at], problem };
    if (total !== undefined && !columns.includes(total))
      yield { steps: [...steps, 'total'], problem: 'is no column of the page' };
  }
}
