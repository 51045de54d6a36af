import type { StoreAdapterOptions } from './sqlite.js';
import type { Store } from './store.js';
export function redisStore(_client: unknown, _options: StoreAdapterOptions = {}): Store {
  throw new Error('todo');
}
