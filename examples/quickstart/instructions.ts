export interface Facts {
  /** Where the API listens. */
  readonly api: string;
  /** What browsers are to open: the host name is part of where cookies and the local provider live. */
  readonly origin: string;
  readonly dataFolder: string;
  readonly mails: string;
  /** Of the users that this start added. */
  readonly passwords: ReadonlyMap<string, string>;
}

/** Comments hold no quotes and no parentheses, so that zsh, which does not know comments, takes no harm. */
export function instructions({ api, origin, dataFolder, mails, passwords }: Facts): string {
  const auth = `${api}/api/auth`;
  const json = `-H 'Content-Type: application/json'`;
  const signIn = (name: string): string =>
    `curl -is ${json} -d '{"username":"${name.toLowerCase()}","password":"'$${name}_PASSWORD'"}' ${auth}/login`;
  const pick = (member: string, from: string): string =>
    `$(sed -n 's/.*"${member}":"\\([^"]*\\)".*/\\1/p' <<< "$${from}")`;
  const as = (name: string): string => `-H "Authorization: Bearer $${name}"`;
  const curl = `curl -isw '\\n\\n'`;
  return `
Open ${origin}/ in a browser: it shows who is signed in and what the API answers. Sign in
with a password from below, or with one of two local OpenID providers, which let everybody in.

Example API on ${api}. Ctrl-C ends it; users and sessions stay in ${dataFolder}.

${passwordLines(passwords, dataFolder)}

# Alice signs in: 200
ALICE_LOGIN=$(${signIn('ALICE')}); echo "$ALICE_LOGIN"; echo
ALICE=${pick('access_token', 'ALICE_LOGIN')}; ALICE_REFRESH=${pick('refresh_token', 'ALICE_LOGIN')}

# Bob signs in: 200
BOB_LOGIN=$(${signIn('BOB')}); echo "$BOB_LOGIN"; echo
BOB=${pick('access_token', 'BOB_LOGIN')}

# A wrong password: 401
${curl} ${json} -d '{"username":"alice","password":"guessed"}' ${auth}/login

# No token: 401, and a challenge that names no error
${curl} ${auth}/me

# Who is Alice: 200
${curl} ${as('ALICE')} ${auth}/me

# A route that answers without a token as well: 200
${curl} ${api}/api/hello

# Alice is an analyst and has the scope reports:read: 200
${curl} ${as('ALICE')} ${api}/api/reports

# Bob lacks it: 403 insufficient_scope
${curl} ${as('BOB')} ${api}/api/reports

# Alice belongs to one organisation, so there is no doubt which: 200
${curl} ${as('ALICE')} ${api}/api/datasets

# Bob belongs to two and names none: 400
${curl} ${as('BOB')} ${api}/api/datasets

# Bob names one of his, of which he is no admin: 403
${curl} ${as('BOB')} -H 'X-Org-Id: globex' -X DELETE ${api}/api/datasets/sales

# In the other one he is: 204
${curl} ${as('BOB')} -H 'X-Org-Id: acme' -X DELETE ${api}/api/datasets/sales

# Bob administers users: 200
${curl} ${as('BOB')} ${auth}/users

# Alice makes an API key for a program: 201
ALICE_KEY=$(curl -is ${as('ALICE')} ${json} -d '{"name":"nightly build","scopes":["reports:read"],"expires_in":86400}' ${auth}/keys); echo "$ALICE_KEY"; echo
KEY=${pick('key', 'ALICE_KEY')}; KEY_ID=${pick('id', 'ALICE_KEY')}

# It reads reports for her: 200
${curl} -H "X-API-Key: $KEY" ${api}/api/reports

# It makes no further key: 401
${curl} -H "X-API-Key: $KEY" ${json} -d '{"name":"another"}' ${auth}/keys

# She deletes it: 204
${curl} ${as('ALICE')} -X DELETE ${auth}/keys/$KEY_ID

# From then on it is refused: 401
${curl} -H "X-API-Key: $KEY" ${api}/api/reports

# Alice gets new tokens for her refresh token: 200
ALICE_NEXT=$(curl -is ${json} -d '{"refresh_token":"'$ALICE_REFRESH'"}' ${auth}/refresh); echo "$ALICE_NEXT"; echo
ALICE=${pick('access_token', 'ALICE_NEXT')}; ALICE_REFRESH=${pick('refresh_token', 'ALICE_NEXT')}

# Her sessions: 200
${curl} ${as('ALICE')} ${auth}/sessions

# Her session is ended by its refresh token: 200
${curl} ${json} -d '{"refresh_token":"'$ALICE_REFRESH'"}' ${auth}/revoke

# From then on its access token is refused as well: 401
${curl} ${as('ALICE')} ${auth}/me

# Bob has forgotten his password, and a mail is on its way: 202
${curl} ${json} -d '{"email":"bob@example.com"}' ${auth}/forgot-password

# The mail is a file in ${mails}
sleep 1; RESET=$(sed -n 's/.*[#?&]token=\\([^&]*\\).*/\\1/p' "$(ls -t ${mails}/*password_reset* | head -1)")

# He sets a new one, which is the old one with -changed at its end from now on: 200
${curl} ${json} -d '{"token":"'$RESET'","new_password":"'$BOB_PASSWORD'-changed"}' ${auth}/reset-password

# And is signed out everywhere else: 401
${curl} ${as('BOB')} ${auth}/me
`;
}

function passwordLines(passwords: ReadonlyMap<string, string>, dataFolder: string): string {
  const lines = ['alice', 'bob'].map(
    (name) => `${name.toUpperCase()}_PASSWORD=${passwords.get(name) ?? "'the one printed then'"}`,
  );
  const note =
    passwords.size > 0
      ? `Paste what follows into bash in a second terminal. These passwords were made for this folder and are
printed this once; they are for trying things out on your own machine.`
      : `The users were made by an earlier start, which printed their passwords. To begin anew, delete
${dataFolder}. Who signed in then still is: a restart ends no session.`;
  return `${note}\n\n${lines.join('\n')}`;
}
