import { request as send } from 'node:http';
import type { LookupFunction } from 'node:net';
import { text as read } from 'node:stream/consumers';

/** What a browser has in its window. */
export interface Page {
  readonly url: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
  /** Every address on the way here, the last one included. */
  readonly visited: readonly string[];
}

/**
 * As much of a browser as signing in needs: cookies by host, with SameSite=Lax and the `__Host-` rule; redirects;
 * Fetch Metadata as of a navigation; forms.
 */
export interface HttpBrowser {
  open(url: string, options?: Navigation): Promise<Page>;
  /** Fills the page's only form in and submits it. */
  submit(
    page: Page,
    fields?: Readonly<Record<string, string>>,
    options?: Pick<Navigation, 'until'>,
  ): Promise<Page>;
  /** As a script of a page on the same origin does. */
  fetch(url: string, options?: ScriptRequest): Promise<Page>;
  cookies(host: string): ReadonlyMap<string, string>;
  /** Plants a cookie, or with an empty value takes one away. */
  setCookie(host: string, name: string, value: string): void;
}

interface Navigation {
  readonly method?: 'GET' | 'POST' | 'HEAD';
  readonly form?: Readonly<Record<string, string>>;
  /** Origin of the page that led here. @defaultValue none: typed into the address bar */
  readonly from?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Stops before the first request whose address fits. */
  readonly until?: (url: URL) => boolean;
}

interface ScriptRequest {
  readonly method?: string;
  readonly json?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

const MOST_REDIRECTS = 20;

/** Every server of a test listens there. The system's own search takes a thread, and tries addresses that nothing listens on. */
const findLoopback: LookupFunction = (_host, { all }, answer) => {
  if (all) answer(null, [{ address: '127.0.0.1', family: 4 }]);
  else answer(null, '127.0.0.1', 4);
};

export function createHttpBrowser(): HttpBrowser {
  const jar = new Map<string, Map<string, string>>();

  const cookiesOf = (host: string): Map<string, string> => {
    const known = jar.get(host) ?? new Map<string, string>();
    jar.set(host, known);
    return known;
  };

  function keep(url: URL, lines: readonly string[]): void {
    for (const line of lines) {
      const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
      const at = pair.indexOf('=');
      const name = pair.slice(0, at);
      const value = pair.slice(at + 1);
      const isHost = name.startsWith('__Host-');
      const isSecure = attributes.some((attribute) => attribute.toLowerCase() === 'secure');
      if (isHost && !isSecure) continue;
      const isGone = attributes.some((attribute) => /^max-age=(?:0|-\d+)$/i.test(attribute));
      const expires = attributes.find((attribute) => /^expires=/i.test(attribute))?.slice(8);
      if (isGone || (expires !== undefined && Date.parse(expires) < Date.now()))
        cookiesOf(url.hostname).delete(name);
      else cookiesOf(url.hostname).set(name, value);
    }
  }

  async function exchange(url: URL, options: RequestInit & { sendsCookies: boolean }) {
    const held = [...cookiesOf(url.hostname)].map(([name, value]) => `${name}=${value}`);
    const response = await new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
      const outgoing = send(
        url,
        {
          method: options.method ?? 'GET',
          agent: false,
          lookup: findLoopback,
          headers: {
            ...(options.headers as Record<string, string>),
            ...(options.sendsCookies && held.length > 0 && { cookie: held.join('; ') }),
          },
        },
        resolve,
      );
      outgoing.on('error', reject);
      outgoing.end(options.body as string | undefined);
    });
    keep(url, response.headers['set-cookie'] ?? []);
    return { response, body: await read(response) };
  }

  async function open(address: string, navigation: Navigation = {}): Promise<Page> {
    const { form, from, headers = {}, until } = navigation;
    let method: string = navigation.method ?? (form ? 'POST' : 'GET');
    let body = form && new URLSearchParams(form).toString();
    let url = new URL(address);
    const start = from ?? 'none';
    const visited: string[] = [];
    const isSameOrigin = (): boolean =>
      start === url.origin && visited.every((place) => new URL(place).origin === url.origin);
    for (let hops = 0; hops < MOST_REDIRECTS; hops += 1) {
      if (until?.(url))
        return { url: url.href, status: 0, headers: {}, body: '', visited: [...visited, url.href] };
      const site =
        start === 'none' && visited.length === 0
          ? 'none'
          : isSameOrigin()
            ? 'same-origin'
            : 'cross-site';
      const { response, body: content } = await exchange(url, {
        method,
        sendsCookies: method === 'GET' || site !== 'cross-site',
        headers: {
          accept: 'text/html,application/xhtml+xml,*/*;q=0.8',
          'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
          'sec-fetch-site': site,
          'sec-fetch-mode': 'navigate',
          'sec-fetch-dest': 'document',
          ...(method === 'POST' && { origin: from ?? 'null' }),
          ...(body !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }),
          ...headers,
        },
        ...(body !== undefined && { body }),
      });
      visited.push(url.href);
      const status = response.statusCode ?? 0;
      const isRedirect = status >= 300 && status < 400;
      const refresh = /<meta http-equiv="refresh" content="0;url=([^"]*)"/.exec(content)?.[1];
      const location = isRedirect ? response.headers.location : refresh && unescape(refresh);
      if (location === undefined)
        return { url: url.href, status, headers: response.headers, body: content, visited };
      url = new URL(location, url);
      if (!isRedirect || status === 303 || method === 'POST') {
        method = method === 'HEAD' ? 'HEAD' : 'GET';
        body = undefined;
      }
    }
    throw new Error(`too many redirects: ${visited.join(' ')}`);
  }

  return {
    open,
    submit(page, fields = {}, options = {}) {
      const { action, values } = formOf(page);
      return open(action, {
        form: { ...values, ...fields },
        from: new URL(page.url).origin,
        ...options,
      });
    },
    async fetch(address, { method, json, headers = {} } = {}) {
      const url = new URL(address);
      const { response, body } = await exchange(url, {
        method: method ?? (json === undefined ? 'GET' : 'POST'),
        sendsCookies: true,
        headers: {
          accept: '*/*',
          origin: url.origin,
          'sec-fetch-site': 'same-origin',
          'sec-fetch-mode': 'cors',
          'sec-fetch-dest': 'empty',
          ...(json !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(json !== undefined && { body: JSON.stringify(json) }),
      });
      const status = response.statusCode ?? 0;
      return { url: url.href, status, headers: response.headers, body, visited: [url.href] };
    },
    cookies: cookiesOf,
    setCookie(host, name, value) {
      if (value === '') cookiesOf(host).delete(name);
      else cookiesOf(host).set(name, value);
    },
  };
}

/** The page's only form, as it is when nobody has filled it in. */
export function formOf(page: Page): { action: string; values: Record<string, string> } {
  const form = /<form[^>]*action="([^"]*)"[^>]*>([\s\S]*?)<\/form>/.exec(page.body);
  if (!form) throw new Error(`no form on ${page.url}: ${page.status} ${page.body.slice(0, 300)}`);
  const values: Record<string, string> = {};
  for (const [input] of (form[2] ?? '').matchAll(/<input[^>]*>/g)) {
    const name = /name="([^"]*)"/.exec(input)?.[1];
    if (name !== undefined) values[name] = unescape(/value="([^"]*)"/.exec(input)?.[1] ?? '');
  }
  return { action: new URL(unescape(form[1] ?? ''), page.url).href, values };
}

function unescape(text: string): string {
  return text
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&');
}
