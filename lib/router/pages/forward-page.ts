import { html } from '../../pages/html.js';
import type { PageIn } from '../../pages/pages.js';

/**
 * Goes on to a provider by itself, or by its link. Replaces a redirect after a form of the application's own page, whose
 * `form-action` policy may not allow the provider.
 */
export function forwardPage(label: string, url: string): PageIn {
  return (words) => {
    const provider = { provider: label };
    const title = words.say('forward.title', provider);
    return {
      title,
      body: html`<h1>${title}</h1>
        <p>${words.say('forward.text', provider)}</p>
        <a class="button" href="${url}">${words.say('forward.go')}</a>`,
      forward: url,
    };
  };
}
