/** `fetch()` of a client that adds the token, renews it, and retries while the server is down: `createAuthClient()`'s. */
type AuthFetch = (path: string, init: RequestInit) => Promise<Response>;

export interface ReadOptions {
  readonly onMessage: (content: unknown) => void;
  readonly signal: AbortSignal;
  /** A connection without as much as a comment for so long is dead, as after sleep. More than the server's `everyMs`. @defaultValue `45_000` */
  readonly silentMs?: number;
  /** Milliseconds before it comes back, until the server says. @defaultValue `2000` */
  readonly retryMs?: number;
}

/**
 * Reads server-sent events by `fetch()`, which can send a token; `EventSource` can't. When the stream ends, or there is no network, it
 * comes back for what is new. Ends with the signal, and when the server refuses: returns the refusal. 429 means later.
 */
export async function readEvents(
  fetch: AuthFetch,
  path: string,
  { onMessage, signal, silentMs = 45_000, retryMs = 2000 }: ReadOptions,
): Promise<Response | undefined> {
  let lastId: string | undefined;

  function read(block: string): void {
    const fields = new Map(block.split('\n').map((line) => fieldOf(line)));
    const data = fields.get('data');
    lastId = fields.get('id') ?? lastId;
    retryMs = Number(fields.get('retry') ?? retryMs);
    if (data !== undefined) onMessage(JSON.parse(data));
  }

  while (!signal.aborted) {
    const headers = lastId === undefined ? {} : { 'Last-Event-ID': lastId };
    const response = await fetch(path, { headers, signal }).catch((error: unknown) => {
      if (signal.aborted || error instanceof TypeError) return undefined; // a TypeError: no network
      throw error;
    });
    if (response?.ok && response.body) await forEachBlock(response.body, { read, silentMs });
    else if (response && response.status < 500 && response.status !== 429) return response;
    const askedFor = Number(response?.headers.get('Retry-After')) || 0;
    await pause(Math.max(retryMs, askedFor * 1000), signal);
  }
  return undefined;
}

/** An event ends with an empty line. What comes after the last one is cut off, and comes again. */
async function forEachBlock(
  body: ReadableStream<Uint8Array>,
  { read, silentMs }: { read: (block: string) => void; silentMs: number },
): Promise<void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  for (;;) {
    const silence = setTimeout(() => void reader.cancel(), silentMs);
    const { value } = await reader.read().catch(() => ({ value: undefined }));
    clearTimeout(silence);
    if (value === undefined) return;
    const blocks = (rest + decoder.decode(value, { stream: true })).split('\n\n');
    rest = blocks.pop() ?? '';
    blocks.forEach(read);
  }
}

function fieldOf(line: string): readonly [name: string, value: string] {
  const [name = '', ...value] = line.split(': ');
  return [name, value.join(': ')];
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
    if (signal.aborted) end();
  });
}
