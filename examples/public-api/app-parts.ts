import type { Auth } from 'latchkey';
import type { Projects } from './projects.js';

/** What the application is made of. */
export interface AppParts {
  readonly auth: Auth;
  readonly projects: Projects;
  /** Whether public routes take a bad credential like none, as the server before this one did. `false` is 401. */
  readonly lenient: boolean;
}
