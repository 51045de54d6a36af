// The same client in JavaScript, for Node and browsers.

const REFRESH_AHEAD_SECONDS = 5 * 60;

export function createAnalyticsClient(baseUrl) {
  let tokens;
  let expiresAt = 0;

  async function send(path, { body, headers = {} } = {}) {
    const response = await fetch(baseUrl + path, {
      ...(body && { method: 'POST', body: JSON.stringify(body) }),
      headers: { ...(body && { 'Content-Type': 'application/json' }), ...headers },
    });
    const text = await response.text();
    const answer = text === '' ? undefined : JSON.parse(text);
    if (!response.ok) throw Object.assign(new Error(answer.error.message), answer.error);
    return answer;
  }

  function keep(answer) {
    tokens = answer;
    expiresAt = Date.now() + answer.expires_in * 1000;
  }

  return {
    refreshes: 0,
    async signIn(username, password) {
      keep(await send('/auth/token', { body: { username, password } }));
    },
    async get(path) {
      if (Date.now() > expiresAt - REFRESH_AHEAD_SECONDS * 1000) {
        keep(await send('/auth/refresh', { body: { refresh_token: tokens.refresh_token } }));
        this.refreshes += 1;
      }
      return send(path, { headers: { Authorization: `Bearer ${tokens.access_token}` } });
    },
    signOut: () => send('/auth/revoke', { body: { refresh_token: tokens.refresh_token } }),
  };
}
