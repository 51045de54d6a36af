import { passing } from '../../../parts.js';
import type { Controller } from '../../action.js';

export const controller: Controller = ({ auth }) => {
  const authWithHeaders = auth.requireAuth();
  return {
    getTasks: {
      method: 'GET',
      url: '/tasks/user',
      middlewares: [authWithHeaders],
      handler: async (_req, res) => void res.end(),
    },
    createTask: {
      method: 'POST',
      url: '/tasks/user',
      middlewares: [passing, authWithHeaders, auth.requireScopes('tasks:write')],
      handler: async (_req, res) => void res.end(),
    },
    // Planted: without the member, it has no middleware.
    deleteTask: {
      method: 'DELETE',
      url: '/tasks/:taskId',
      handler: async (_req, res) => void res.end(),
    },
  };
};
