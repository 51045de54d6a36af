import type { LayerPath } from './layers.js';
import type { Passage, Step } from './route.js';

/** A path below another. */
export function joinPaths(prefix: string, path: LayerPath): string {
  const inner = spelling(path).replace(/\/+$/, '');
  return inner === '' || /^[/{]/.test(inner) ? `${prefix}${inner}` : `${prefix}/${inner}`;
}

function spelling(path: LayerPath): string {
  if (path === undefined) return '/?';
  return typeof path === 'string' ? path : `/(${path.source})`;
}

/** Whether every request of a route meets the middleware, if it is mounted in time. */
export function isOnTheWay(
  step: Step,
  { method, path, within }: Pick<Passage, 'method' | 'path' | 'within'>,
): boolean {
  const { routers, prefix } = step.within;
  return (
    routers.every((router, at) => within.routers[at] === router) &&
    (step.method === undefined || step.method === method) &&
    // Below the router that both are in, wherever that is.
    covers(step, path.slice(prefix.length), step.path.slice(prefix.length))
  );
}

/**
 * Whether everything that a route answers to is below a middleware's path. Where the spelling doesn't tell, as with a regular
 * expression, the answer is no: a person looks at a guard that is missed, and nobody at one that is assumed.
 */
function covers({ exact }: Step, route: string, mount: string): boolean {
  const [, start = mount, rest = ''] =
    /^(.*?)(\/?\*\w*|\{\/\*\w+\}|\/\{\*\w+\}|\/\(\.\*\))$/.exec(mount) ?? [];
  if (rest === '') return exact ? isSame(mount, route) : isBelow(mount, route);
  return isBelow(start, route) && (start === '' || rest.includes('{') || !isSame(start, route));
}

function isSame(mount: string, route: string): boolean {
  return mount.toLowerCase() === route.toLowerCase();
}

/** Part by part: a parameter of the middleware takes any part, and a parameter of the route is taken by nothing else. */
function isBelow(mount: string, route: string): boolean {
  if (isSame(mount, route)) return true;
  const given = route.toLowerCase().split('/');
  return mount
    .toLowerCase()
    .split('/')
    .every((part, at) =>
      /^:\w+$/.test(part) ? given[at] !== undefined : part === given[at] && part !== '?',
    );
}
