import { createRequire } from 'node:module';
import path from 'node:path';
import type TypeScript from 'typescript5';

const require = createRequire(import.meta.url);

/**
 * What a compiler that is written in JavaScript says of a program and of all declarations that it reads, but those that
 * come with the compiler or describe Node and Express (`@types`): checking these takes longer than all the rest.
 */
export function checkDeclarations(
  folder: string,
  compiler: string,
  args: readonly string[],
): string {
  const ts = require(compiler) as typeof TypeScript;
  const { options, fileNames, errors } = ts.parseCommandLine(args);
  const host = ts.createCompilerHost(options);
  host.getCurrentDirectory = () => folder;
  const files = fileNames.map((name) => path.join(folder, name));
  const program = ts.createProgram(files, options, host);
  const checked = program
    .getSourceFiles()
    .filter((file) => !program.isSourceFileDefaultLibrary(file) && !isOfTypes(file.fileName));
  const found = checked.flatMap((file) => [
    ...program.getSyntacticDiagnostics(file),
    ...program.getSemanticDiagnostics(file),
  ]);
  return ts.formatDiagnostics(
    [...errors, ...program.getOptionsDiagnostics(), ...program.getGlobalDiagnostics(), ...found],
    host,
  );
}

function isOfTypes(file: string): boolean {
  return /\/node_modules\/(?:@types|undici-types)\//.test(file);
}
