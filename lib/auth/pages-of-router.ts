import type { Config } from '../config/config.js';
import { type HelpfulPages, helpfulPages } from '../pages/refusal-page.js';
import type { SignIn } from '../sign-in.js';

export interface KnownRouter {
  /** Where the application says that its router is. */
  readonly basePath: string | undefined;
  readonly signIn: SignIn | undefined;
  /** What `auth.router()` was called with so far. */
  readonly routers: readonly unknown[];
}

/** Which pages an application's refusals can lead to. A router that another process has at `basePath` may have them all. */
export function pagesOfRouter(
  { passwordLogin }: Config,
  { basePath, signIn, routers }: KnownRouter,
): HelpfulPages {
  if (signIn && routers.length > 0)
    return helpfulPages({ passwordLogin, providers: signIn.providers.all });
  const isNamed = basePath !== undefined;
  return { signIn: isNamed, changePassword: isNamed };
}
