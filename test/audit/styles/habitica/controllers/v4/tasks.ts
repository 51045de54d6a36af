import type { Controller } from '../../action.js';

export const controller: Controller = ({ auth }) => ({
  // Planted: the newer version of a route has lost its guard.
  getTasks: {
    method: 'GET',
    url: '/tasks/user',
    handler: async (_req, res) => void res.end(),
  },
  getNews: {
    method: 'GET',
    url: '/news',
    middlewares: [auth.optionalAuth()],
    handler: async (_req, res) => void res.end(),
  },
});
