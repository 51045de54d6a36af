import express, { type Request, type Router } from 'express';
import { notesPage } from './pages.js';

/** Handlers that were written for passport: they read `req.user`, and stay as they are. */
export function createNotes(): Router {
  const notes = new Map<number, string[]>();
  const router = express.Router();
  router.get('/', (req, res) => {
    const { id, username } = userOf(req);
    res.send(notesPage(username, notes.get(id) ?? []));
  });
  router.post('/', express.urlencoded({ extended: false }), (req, res) => {
    const { id } = userOf(req);
    notes.set(id, [...(notes.get(id) ?? []), String(req.body.text)]);
    res.redirect('/notes');
  });
  return router;
}

/** `req.user`, in the application's own type. */
export function userOf(req: Request): { readonly id: number; readonly username: string } {
  const { id, username }: Record<string, unknown> = { ...req.user };
  if (typeof id !== 'number' || typeof username !== 'string') throw new TypeError('nobody is here');
  return { id, username };
}
