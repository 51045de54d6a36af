import express, { type Request, type Response, type Router } from 'express';
import { homePage, profilePage } from './pages.js';

/** Handlers that were written for Auth.js: they read `res.locals.session`, and stay as they are. */
export function createProfile(): Router {
  const routes = express.Router();
  const colours = new Map<string, string>();
  routes.get('/profile', (_req, res) => {
    const { id, email } = userOf(res);
    res.send(profilePage(email, colours.get(id)));
  });
  routes.post('/colour', express.urlencoded({ extended: false }), (req, res) => {
    colours.set(userOf(res).id, String(req.body.colour));
    res.redirect('/profile');
  });
  return routes;
}

export function showHome(_req: Request, res: Response): void {
  res.send(homePage(res.locals.session ? userOf(res).name : undefined));
}

/** The user of `res.locals.session`, in the application's own type. */
export function userOf(res: Response) {
  const { id, name, email } = res.locals.session.user;
  return { id: String(id), name: String(name), email: String(email) };
}
