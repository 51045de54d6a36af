import { type Html, html } from '../../pages/html.js';

/**
 * A small picture for a provider's button: a letter or a plain glyph, drawn by us, in the colour of the text. The providers' own logos are
 * trademarks whose terms an application would have to accept first.
 */
export function providerIcon({ name, label }: ProviderNames): Html {
  const known = drawings.find(([pattern]) => pattern.test(`${name} ${label}`));
  const drawing = known?.[1] ?? letter(/\p{L}|\p{N}/u.exec(label)?.[0].toUpperCase() ?? '?');
  return html`<svg
    class="icon"
    viewBox="0 0 24 24"
    fill="none"
    stroke="currentColor"
    stroke-width="2"
    stroke-linecap="round"
    stroke-linejoin="round"
    aria-hidden="true"
  >
    ${drawing}
  </svg>`;
}

interface ProviderNames {
  readonly name: string;
  readonly label: string;
}

function letter(character: string): Html {
  return html`<circle cx="12" cy="12" r="10.5" />
    <text
      x="12"
      y="16.5"
      text-anchor="middle"
      font-size="13"
      font-weight="700"
      fill="currentColor"
      stroke="none"
    >
      ${character}
    </text>`;
}

/** A branch and its trunk. */
const BRANCH = html`<circle cx="6" cy="5" r="2.5" /><circle cx="6" cy="19" r="2.5" />
  <circle cx="18" cy="8" r="2.5" /><path d="M6 7.5v9M18 10.5c0 4-6 3-10.5 6.5" />`;
const KEY = html`<circle cx="8" cy="15" r="4.5" /><path d="M11.5 12 20 3.5M16 7.5l3 3" />`;
const SHIELD = html`<path d="M12 2.5 4 5.5V11c0 5 3.4 8.7 8 10.5 4.6-1.8 8-5.5 8-10.5V5.5Z" />
  <path d="m8.5 11.5 2.5 2.5 4.5-5" />`;
const WINDOW = html`<rect x="2.5" y="3.5" width="19" height="17" rx="2" />
  <path d="M2.5 8.5h19" />`;

const drawings: readonly (readonly [RegExp, Html])[] = [
  [/github/i, BRANCH],
  [/google/i, letter('G')],
  [/entra|microsoft|azure/i, WINDOW],
  [/okta/i, letter('O')],
  [/auth0/i, SHIELD],
  [/keycloak/i, KEY],
  [/cognito|amazon|aws/i, letter('C')],
  [/apple/i, letter('A')],
];
