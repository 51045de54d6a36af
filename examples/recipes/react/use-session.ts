import type { AuthClient, Session } from 'latchkey/client';
import { useEffect, useSyncExternalStore } from 'react';

/** Who is signed in. Undefined until the first answer, on the server, and while its HTML is hydrated. */
export function useSession(client: AuthClient): Session | undefined {
  const session = useSyncExternalStore(client.onChange, () => client.current, unknown);
  useEffect(() => {
    // All who ask at once share one request, StrictMode's second effect too. An outage leaves the answer open.
    if (client.current === undefined) client.session().catch(unknown);
  }, [client]);
  return session;
}

const unknown = (): undefined => undefined;
