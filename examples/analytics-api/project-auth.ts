import { type Auth, type AuthOptions, ConfigError, createAuth } from 'latchkey';
import { ProjectError } from './project-file.js';
import type { Project } from './project.js';

/** Latchkey as the project file configures it; what that leaves out comes from AUTH_* variables. */
export function createProjectAuth(
  { auth, placeOf }: Project,
  options: Pick<AuthOptions, 'env' | 'onWarning'> = {},
): Auth {
  try {
    return createAuth({
      ...auth,
      ...options,
      // The clients that were here before read `session_id`.
      tokenClaims: (_user, session) => ({ session_id: session.id }),
    });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ProjectError(
      error.problems.map(({ setting, problem, fix }) => {
        const [, inFile] = /^the option (.*)$/.exec(setting) ?? [];
        const place = inFile === undefined ? '' : `${placeOf(['auth', ...inFile.split('.')])}: `;
        return `${place}${inFile === undefined ? setting : `auth.${inFile}`} ${problem}; ${fix}`;
      }),
    );
  }
}
