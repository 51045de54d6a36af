import { createRequire } from 'node:module';
import path from 'node:path';
import type TypeScript from 'typescript5';

const require = createRequire(import.meta.url);

/**
 * What a compiler that is written in JavaScript says of a folder's files and of all declarations that they lead to, but those
 * that come with the compiler or describe Node and Express (`@types`): checking these takes longer than all the rest. One
 * program for each command line, in their order. The command lines may differ in how modules are resolved, and in nothing that
 * parsing depends on: declarations are parsed once for all of them.
 */
export function checkDeclarations(
  folder: string,
  compiler: string,
  commandLines: readonly (readonly string[])[],
): readonly string[] {
  const ts = require(compiler) as typeof TypeScript;
  const parsed = new Map<string, TypeScript.SourceFile | undefined>();
  return commandLines.map((args) => {
    const { options, fileNames, errors } = ts.parseCommandLine(args);
    const host = ts.createCompilerHost(options);
    host.getCurrentDirectory = () => folder;
    // As `tsc` does it: no error is in a comment.
    host.jsDocParsingMode = ts.JSDocParsingMode.ParseForTypeErrors;
    const parse = host.getSourceFile.bind(host);
    host.getSourceFile = (name, settings, ...rest) => {
      if (!name.endsWith('.d.ts')) return parse(name, settings, ...rest);
      const file = parsed.get(name) ?? parse(name, settings, ...rest);
      parsed.set(name, file);
      // What a declaration's imports lead to depends on this, and its syntax doesn't.
      if (file && typeof settings === 'object') file.impliedNodeFormat = settings.impliedNodeFormat;
      return file;
    };
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
  });
}

function isOfTypes(file: string): boolean {
  return /\/node_modules\/(?:@types|undici-types)\//.test(file);
}
