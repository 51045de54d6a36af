import { serve } from './serve.js';

export interface ProviderDocuments {
  /** Takes `https` URLs to the loopback server; what it does not serve is 404. */
  readonly fetch: typeof fetch;
  /** Every URL asked for, in order. */
  readonly asked: readonly string[];
}

/** Serves JSON documents under the URLs at which their owners publish them, without leaving this machine. */
export async function serveProviderDocuments(
  documents: Readonly<Record<string, unknown>>,
): Promise<ProviderDocuments> {
  const asked: string[] = [];
  const { origin } = await serve(({ url = '' }, response) => {
    const document = documents[decodeURIComponent(url.slice(1))];
    response.writeHead(document === undefined ? 404 : 200, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(document));
  });
  return {
    asked,
    fetch(input, init) {
      const url = input instanceof Request ? input.url : String(input);
      asked.push(url);
      return fetch(`${origin}/${encodeURIComponent(url)}`, init);
    },
  };
}
