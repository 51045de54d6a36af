/** A page, with text where HTML is wanted already made safe. */
export function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>${escape(title)}</title>
<style>
  body { max-width: 32rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
  label { display: block; margin: 0 0 1rem; }
  input { display: block; box-sizing: border-box; width: 100%; padding: 0.5rem; font: inherit; }
  button { padding: 0.5rem 1rem; font: inherit; }
  a { margin-right: 1rem; }
</style>
<h1>${escape(title)}</h1>
${body}
</html>
`;
}

export function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
