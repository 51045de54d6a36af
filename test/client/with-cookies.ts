/** Keeps cookies as a browser does, and sends them unless they are to be left out. Sends other bodies for codes. */
export function withCookies(codes: Readonly<Record<string, object>> = {}): typeof fetch {
  const jar = new Map<string, string>();
  return async (input, init = {}) => {
    const headers = new Headers(init.headers);
    const cookies = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    if (init.credentials === 'include' && cookies !== '') {
      headers.set('Cookie', cookies);
      headers.set('X-CSRF', '1');
    }
    const { code = '' } = (typeof init.body === 'string' ? JSON.parse(init.body) : {}) as {
      code?: string;
    };
    const body = codes[code] ? JSON.stringify(codes[code]) : init.body;
    const answer = await fetch(input, { ...init, headers, ...(body != null && { body }) });
    for (const cookie of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      jar.set(name, value);
    }
    return answer;
  };
}
