import type { Request } from 'express';
import { addVary } from '../http/vary.js';
import { html } from '../pages/html.js';
import type { PageIn } from '../pages/pages.js';
import type { AuthStatus } from '../status.js';
import { ownPath } from './own-urls.js';
import type { RouterParts } from './parts.js';
import type { Endpoint } from './respond.js';

export function isStatusRequest({ path }: Request): boolean {
  return path === '/status';
}

/** Tells load balancers and people whether requests are well served here. Fixed words only: the names of issuers stay inside. */
export function showStatus({ status, pages }: RouterParts): Endpoint {
  return async function handleShowStatus(req, res) {
    const known = await status();
    const code = known.status === 'unavailable' ? 503 : 200;
    addVary(res, 'Accept');
    if (req.accepts(['json', 'html']) === 'html')
      return pages.send(res, code, statusPage(known, ownPath(req, '/status')));
    res.status(code).json({ status: known.status, reasons: known.reasons });
  };
}

function statusPage({ status, reasons }: AuthStatus, again: string): PageIn {
  return (words) => {
    const title = words.say(`status.${status}`);
    return {
      title,
      isError: status === 'unavailable',
      body: html`<h1>${title}</h1>
        ${
          reasons.length === 0
            ? html`<p class="notice">${words.say('status.all')}</p>`
            : reasons.map((reason) => html`<p class="error">${words.say(`status.${reason}`)}</p>`)
        }
        <a class="button plain" href="${again}">${words.say('status.again')}</a>`,
    };
  };
}
