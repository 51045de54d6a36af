import type { Config, ConfigOrigins } from '../../config/config.js';
import type { CreatedAuth } from '../created.js';

/** What `npx latchkey doctor --live` looks at. */
export interface LiveSubject {
  readonly config: Config;
  readonly origins: ConfigOrigins;
  /** The authentication of the application, where that was loaded. */
  readonly created?: CreatedAuth | undefined;
  /** Where the router is, as browsers see it, such as `/api/auth`. */
  readonly routerPath: string;
  /** Gets one test mail by the application's `sendMail`. @defaultValue none is sent */
  readonly mailTo?: string | undefined;
  /** The application's own `providerFetch`. @defaultValue the global `fetch` */
  readonly providerFetch?: typeof fetch | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}
