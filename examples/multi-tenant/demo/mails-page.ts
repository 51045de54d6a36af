import type { RequestHandler } from 'express';
import type { MailFolder } from '../../quickstart/mail-folder.js';
import { html } from '../../quickstart/page.js';

/** Shows all mails, secrets included, in place of everybody's mailbox. For a server that listens on this machine only. */
export function mailsPage({ newestFirst }: MailFolder): RequestHandler {
  return async (_req, res) => {
    const mails = (await newestFirst()).map(
      ({ to, sentAt, text }) =>
        html`<section class="mail">
          <h2>To ${to}</h2>
          <p class="soft">${sentAt}</p>
          ${text
            .split('\n')
            .filter((line) => line !== '')
            .map(
              (line) =>
                html`<p>${URL.canParse(line) ? html`<a href="${line}">${line}</a>` : line}</p>`,
            )}
        </section>`,
    );
    const none = html`<section>
      <p>No mail has been sent yet. Reload this page in a moment.</p>
    </section>`;
    const page = html`<!doctype html>
      <html lang="en">
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="/style.css" />
        <title>Mails</title>
        <header><a class="brand" href="/">Invoices</a></header>
        <main>
          <h1>Mails</h1>
          ${mails.length > 0 ? mails : none}
        </main>
      </html> `;
    res.type('html').send(page.html);
  };
}
