import type { Controller } from '../../action.js';

export const controller: Controller = ({ auth }) => ({
  getStatus: {
    method: 'GET',
    url: '/status',
    middlewares: [],
    handler: async (_req, res) => void res.end(),
  },
  // Planted: who may is asked before who calls.
  getHeroes: {
    method: 'GET',
    url: '/hall/heroes',
    middlewares: [auth.requireRoles('admin'), auth.requireAuth()],
    handler: async (_req, res) => void res.end(),
  },
});
