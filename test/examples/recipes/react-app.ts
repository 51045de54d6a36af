import type { AuthClient } from 'latchkey/client';
import { createElement, type ReactElement } from 'react';
import { useSession } from '../../../examples/recipes/react/use-session.js';

interface AppProps {
  readonly client: AuthClient;
  readonly login: { readonly username: string; readonly password: string };
}

/** A page whose parts ask by themselves who is signed in. */
export function App({ client, login }: AppProps): ReactElement {
  const session = useSession(client);
  const isIn = session?.authenticated === true;
  return createElement(
    'main',
    null,
    createElement(Greeting, { client }),
    createElement(Greeting, { client }),
    session &&
      createElement(
        'button',
        { onClick: () => void (isIn ? client.logout() : client.login(login)) },
        isIn ? 'Sign out' : 'Sign in',
      ),
  );
}

function Greeting({ client }: Pick<AppProps, 'client'>): ReactElement {
  const session = useSession(client);
  if (!session) return createElement('p', null, 'One moment');
  const text = session.authenticated ? `Hello ${session.user.username}` : 'Nobody is signed in';
  return createElement('p', null, text);
}
