import type { RequestHandler } from 'express';
import { principalOf } from 'latchkey';

/** A page for who is signed in. Whoever isn't is sent to sign in, and comes back. */
export const homePage: RequestHandler = (req, res) => {
  const { id, username, email } = principalOf(req).user;
  const name = escape(username ?? email ?? id);
  res.type('html').send(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Quickstart</title>
<h1>Hello ${name}</h1>
<p>You are signed in. <a href="/api/auth/me">What the API knows of you</a></p>
<p><a href="/api/auth/logout">Sign out</a></p>
</html>
`);
};

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
