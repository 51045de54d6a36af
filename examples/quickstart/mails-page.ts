import type { RequestHandler } from 'express';
import { html, page } from './page.js';
import type { MailFolder } from './mail-folder.js';

/**
 * Shows all mails, in place of everybody's mailbox. They hold secrets, so an application has no such page; this one is for a
 * server that listens on this machine only.
 */
export function mailsPage({ newestFirst }: MailFolder): RequestHandler {
  return async (_req, res) => {
    const mails = await newestFirst();
    const sections = mails.map(({ to, sentAt, text }) => {
      const lines = text.split('\n').filter((line) => line !== '');
      return html`<section class="wide mail">
        <p class="soft">To ${to}, ${sentAt}</p>
        ${lines.map((line) => (URL.canParse(line) ? html`<p><a href="${line}">${line}</a></p>` : html`<p>${line}</p>`))}
      </section>`;
    });
    const none = html`<section class="wide"><p>No mail has been sent yet.</p></section>`;
    const heading = html`<section class="wide">
      <h1>Mails</h1>
      <p>What the quickstart has mailed to its users, the newest first.</p>
    </section>`;
    res
      .type('html')
      .send(page('Mails', html`${[heading, ...(mails.length > 0 ? sections : [none])]}`));
  };
}
