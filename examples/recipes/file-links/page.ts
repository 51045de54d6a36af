import type { LinkError } from './links.js';

const WORDS: Readonly<Record<LinkError['reason'], readonly [title: string, text: string]>> = {
  expired: ['This link has expired', 'Links to files work for a minute.'],
  used: ['This link has been used', 'Links to files work once.'],
  invalid: [
    'This link doesn’t open anything',
    'It is incomplete, or you can’t read the file any more.',
  ],
};

/** Says what to do next. Has nothing of the request in it, and leads to a fixed place. */
export function deadLinkPage(reason: LinkError['reason']): string {
  const [title, text] = WORDS[reason];
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>
  :root { color-scheme: light dark }
  body { font: 1rem/1.5 system-ui, sans-serif; max-width: 30rem; margin: 15vh auto; padding: 0 1rem }
  h1 { font-size: 1.5rem; line-height: 1.25 }
</style>
<main>
  <h1>${title}</h1>
  <p>${text} Go back to your files, and click the file again.</p>
  <p><a href="/">Your files</a></p>
</main>
</html>
`;
}
