import type { RequestHandler } from 'express';

/** Handlers that were written for express-openid-connect: they read `req.oidc.user`, and stay as they are. */
export function createColours() {
  const colours = new Map<unknown, string>();
  const save: RequestHandler = (req, res) => {
    colours.set(req.oidc.user?.['sub'], String(req.body.colour));
    res.redirect('/profile');
  };
  const me: RequestHandler = (req, res) => {
    const sub: unknown = req.oidc.user?.['sub'];
    res.json({ sub, colour: colours.get(sub) ?? null });
  };
  const join: RequestHandler = (_req, res) => void res.oidc.login({ returnTo: '/profile' });
  return { save, me, join, of: (sub: unknown) => colours.get(sub) };
}
