import { loadYaml } from './load-yaml.cjs';
import { Refusal } from './values.js';

/** Parses YAML 1.2 without custom tags. Throws a {@link Refusal} that quotes nothing of the text. */
export function parseYaml(source: string): unknown {
  const { LineCounter, parseDocument } = yamlParser();
  const lineCounter = new LineCounter();
  const document = parseDocument(source, {
    lineCounter,
    // Pretty messages quote the line, which may hold a secret.
    prettyErrors: false,
    logLevel: 'silent',
    resolveKnownTags: false,
  });
  const [flaw] = [...document.errors, ...document.warnings];
  if (flaw) {
    const { line } = lineCounter.linePos(flaw.pos[0]);
    const fix = flaw.code === 'TAG_RESOLVE_FAILED' ? 'remove the tag (!…)' : 'correct the syntax';
    throw new Refusal(`is not valid YAML (line ${line}, ${flaw.code})`, fix);
  }
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch {
    throw new Refusal('repeats aliases too often', 'write the values out');
  }
}

function yamlParser(): typeof import('yaml') {
  try {
    return loadYaml();
  } catch {
    // An ECMAScript module made by a bundler has no require() unless the application adds it.
    throw new Refusal(
      'needs the YAML parser, which could not be loaded',
      'let the bundle define require(), make it CommonJS, or name a .json file',
    );
  }
}
