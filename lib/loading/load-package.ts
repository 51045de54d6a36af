interface OptionalPackages {
  readonly '@node-rs/argon2': typeof import('@node-rs/argon2');
  readonly ioredis: typeof import('ioredis');
  readonly libsql: { readonly default: typeof import('libsql') };
  readonly pg: typeof import('pg');
}

/**
 * Loads a package that only some applications have or need, at its first use. Bundlers leave the import alone,
 * because its name is no literal: such a package is either not installed or holds native code. Rejects with an
 * Error with the code PACKAGE_MISSING that names the package and the cure.
 */
export async function loadPackage<Name extends keyof OptionalPackages>(
  name: Name,
): Promise<OptionalPackages[Name]> {
  try {
    return await import(/* webpackIgnore: true */ /* @vite-ignore */ name);
  } catch (cause) {
    const error = new Error(
      `latchkey could not load the package ${name}: run npm install ${name}, and keep it in node_modules beside a bundle`,
      { cause },
    );
    throw Object.assign(error, { code: 'PACKAGE_MISSING' });
  }
}
