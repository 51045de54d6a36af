/** The words of the pages in English. Names in braces are replaced: `{app}` by the application's name, the others by what they say. */
export const en = {
  'page.error': 'Error: {title}',
  'page.home': 'Go to {app}',
  'page.signIn': 'Sign in',
  'page.tryAgain': 'Try again',
  'page.account': 'Your account',
  'page.changePassword': 'Choose a new password',

  'signIn.title': 'Sign in',
  'signIn.username': 'User name or e-mail',
  'signIn.password': 'Password',
  'signIn.submit': 'Sign in',
  'signIn.or': 'or',
  'signIn.provider': 'Continue with {provider}',
  'signIn.forgot': 'Forgot your password?',
  'signIn.none': 'There is no way to sign in yet. Ask an administrator.',
  'signIn.ended': 'Your session has ended. Sign in again.',
  'notice.signedOut': 'You have signed out.',

  'forward.title': 'Continue with {provider}',
  'forward.text': 'You sign in with {provider}, then come back here.',
  'forward.go': 'Continue',

  'signOut.title': 'Sign out?',
  'signOut.text': 'You are signed in on this browser.',
  'signOut.submit': 'Sign out',
  'signOut.stay': 'Stay signed in',

  'signedOut.title': 'You are signed out',
  'signedOut.text': 'Nobody is signed in on this browser.',
  'signedOut.again': 'Sign in again',

  'account.leave': 'Done here?',
  'account.title': 'Your account',
  'account.who': 'You are signed in as {user}.',
  'account.sessions': 'Where you are signed in',
  'account.device': '{browser} on {system}',
  'account.unknownDevice': 'Unknown device',
  'account.current': 'this browser',
  'account.used': 'Signed in {since}, last used {used}',
  'account.end': 'End',
  'account.endThis': 'End the session on {device}',
  'account.endOthers': 'End all other sessions',
  'account.more': 'There are further sessions. “End all other sessions” ends them, too.',
  'notice.sessionEnded': 'The session has ended.',
  'notice.othersEnded': 'All other sessions have ended.',

  'error.title.400': 'That didn’t work',
  'error.title.401': 'Sign in first',
  'error.title.403': 'No access',
  'error.title.404': 'Page not found',
  'error.title.429': 'Too many attempts',
  'error.title.503': 'Not available at the moment',

  'error.account_exists':
    'There is already an account with this e-mail address. Sign in to it as before; then you can add {provider}.',
  'error.no_account': 'You have no account here yet. Ask an administrator for one.',
  'error.not_provisioned': 'Your account may not sign in here. Ask an administrator.',
  'error.access_denied': 'Signing in with {provider} was cancelled. You can try again.',
  'error.acr': 'This page needs a stronger sign-in. Choose another way to sign in.',
  'error.provider': 'There is no such way to sign in. Choose one of those on this page.',
  'error.link_other_user':
    'Another user has signed in meanwhile. Sign in again, then add the account.',
  'error.linked_to_other':
    'This account of {provider} belongs to another user here. Sign in with it, or choose another one.',
  'error.linked_of_late':
    'You have added {provider} only recently, so it can’t be used for a stronger sign-in yet. Choose another way to sign in.',
  'error.last_way_in':
    'This is the only way to sign in to your account. Set a password or add another provider first.',
  'error.ended_meanwhile': 'Your sessions were ended while you signed in. Sign in again.',
  'error.domain':
    'Accounts of this organisation can’t sign in here. Choose another account of {provider}.',
  'error.tenant':
    'Accounts of this organisation can’t sign in here. Choose another account of {provider}.',
  'error.organization':
    'This account of {provider} is in none of the organisations that may sign in. Choose another one.',
  'error.organizations_hidden':
    '{provider} doesn’t say which organisations you are in. Sign in again, and give access to yours there.',
  'error.email_unverified': 'Confirm your e-mail address at {provider} first, then sign in again.',
  'error.state': 'This sign-in has expired, or was begun in another browser. Sign in again.',
  'error.repeated_cookie':
    'This browser has two cookies of one name that differ. Delete the cookies of this site, then sign in again.',
  'error.prefetch': 'This page must not be fetched in advance. Open it again.',

  'error.CREDENTIALS_MISSING': 'Sign in to see this page.',
  'error.TOKEN_EXPIRED': 'Your session has ended. Sign in again.',
  'error.INVALID_TOKEN': 'Your session is not valid here. Sign in again.',
  'error.TOKEN_REVOKED': 'Your session has ended. Sign in again.',
  'error.INVALID_CREDENTIALS': 'The user name or the password is wrong.',
  'error.LOGIN_FAILED': 'Signing in with {provider} did not succeed. Try again.',
  'error.LOGIN_DENIED': 'You can’t sign in this way. Choose another one, or ask an administrator.',
  'error.REFRESH_INVALID': 'Your session has ended. Sign in again.',
  'error.REFRESH_REUSED': 'Your session has ended for your safety. Sign in again.',
  'error.AUTH_CONTEXT_REQUIRED': 'This needs a recent sign-in. Sign in again.',
  'error.INSUFFICIENT_SCOPE':
    'Your account may not do this. Sign in with another account, or ask an administrator.',
  'error.INSUFFICIENT_ROLE':
    'Your account may not do this. Sign in with another account, or ask an administrator.',
  'error.INVALID_REQUEST':
    'Something in this request was not as it should be. Go back and try again.',
  'error.ORG_REQUIRED': 'You belong to several organisations. Open this page from one of them.',
  'error.ORG_FORBIDDEN':
    'You are not a member of this organisation. Sign in with another account, or ask to be added.',
  'error.CROSS_SITE_REQUEST':
    'This form was sent from another site. For your safety nothing was done.',
  'error.PASSWORD_CHANGE_REQUIRED': 'Choose a new password first.',
  'error.PASSWORD_POLICY': 'This password can’t be used. Choose another one.',
  'error.RATE_LIMITED': 'There were too many attempts. You can try again {when}.',
  'error.NOT_FOUND': 'There is nothing at this address.',
  'error.METHOD_NOT_ALLOWED': 'This address is not a page.',
  'error.CONFLICT': 'Something has changed meanwhile. Go back and try again.',
  'error.SERVER_BUSY': 'There is a lot to do at the moment. Try again {when}.',
  'error.KEYS_UNAVAILABLE': 'We can’t reach {provider} at the moment. Try again {when}.',
  'error.STORE_UNAVAILABLE': 'This doesn’t work at the moment. Try again {when}.',
  'error.PROVIDER_ERROR':
    'We can’t sign you in with {provider} at the moment. Try again in a few minutes, or sign in another way.',
  'error.UNSUPPORTED_MEDIA_TYPE': 'This form could not be read. Go back and try again.',
  'error.PAYLOAD_TOO_LARGE': 'This form is too large. Go back and shorten it.',
  'error.provider.unnamed': 'the provider',
} as const;
