/** Text that is safe in a page. */
export interface Html {
  readonly html: string;
}

type Part = string | Html | undefined | readonly Html[];

/** Builds HTML. Escapes every text that is put in. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  const rendered = strings.map(
    (text, index) => text + (index < parts.length ? render(parts[index]) : ''),
  );
  return { html: rendered.join('') };
}

function render(part: Part): string {
  if (part === undefined) return '';
  if (typeof part === 'string') return escape(part);
  return 'html' in part ? part.html : part.map((each) => each.html).join('');
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
