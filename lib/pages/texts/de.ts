import type { PageTexts } from './texts.js';

/** The words of the pages in German. */
export const de: PageTexts = {
  'page.error': 'Fehler: {title}',
  'page.home': 'Weiter zu {app}',
  'page.signIn': 'Anmelden',
  'page.tryAgain': 'Noch einmal versuchen',
  'page.account': 'Ihr Konto',
  'page.changePassword': 'Neues Passwort wählen',

  'signIn.title': 'Anmelden',
  'signIn.username': 'Benutzername oder E-Mail-Adresse',
  'signIn.password': 'Passwort',
  'signIn.submit': 'Anmelden',
  'signIn.or': 'oder',
  'signIn.provider': 'Weiter mit {provider}',
  'signIn.forgot': 'Passwort vergessen?',
  'signIn.none': 'Hier kann sich noch niemand anmelden. Fragen Sie die Administration.',
  'signIn.ended': 'Ihre Sitzung ist beendet. Melden Sie sich wieder an.',
  'notice.signedOut': 'Sie haben sich abgemeldet.',

  'forward.title': 'Weiter mit {provider}',
  'forward.text': 'Sie melden sich bei {provider} an und kommen dann hierher zurück.',
  'forward.go': 'Weiter',

  'signOut.title': 'Abmelden?',
  'signOut.text': 'Sie sind in diesem Browser angemeldet.',
  'signOut.submit': 'Abmelden',
  'signOut.stay': 'Angemeldet bleiben',

  'status.ready': 'Bereit',
  'status.degraded': 'In Betrieb, mit Einschränkungen',
  'status.unavailable': 'Nicht verfügbar',
  'status.all': 'Die Anmeldung und die Prüfung von Zugriffstoken funktionieren.',
  'status.closing':
    'Dieser Server wird gleich beendet. Versuchen Sie es in einem Moment noch einmal.',
  'status.store_unavailable':
    'Anmeldungen können fehlschlagen oder enden: Der Speicher antwortet nicht.',
  'status.keys_unavailable':
    'Zugriffstoken eines Ausstellers lassen sich nicht prüfen: Seine Schlüssel fehlen.',
  'status.keys_stale':
    'Die Schlüssel eines Ausstellers ließen sich nicht erneuern. Die bekannten gelten weiter.',
  'status.again': 'Noch einmal nachsehen',

  'signedOut.title': 'Sie sind abgemeldet',
  'signedOut.text': 'In diesem Browser ist niemand angemeldet.',
  'signedOut.again': 'Wieder anmelden',

  'page.backToSignIn': 'Zurück zur Anmeldung',
  'signIn.signUp': 'Konto anlegen',
  'form.email': 'E-Mail-Adresse',
  'form.username': 'Benutzername',
  'form.newPassword': 'Neues Passwort',
  'form.passwordRule':
    'Mindestens {count} Zeichen. Mehrere Wörter hintereinander merkt man sich leicht.',
  'sent.title': 'Sehen Sie in Ihre E-Mails',
  'sent.again': 'Noch eine E-Mail schicken',
  'forgot.title': 'Passwort vergessen?',
  'forgot.intro':
    'Geben Sie die E-Mail-Adresse Ihres Kontos ein. Wir schicken Ihnen einen Link, mit dem Sie ein neues Passwort wählen.',
  'forgot.submit': 'Link schicken',
  'forgot.sent':
    'Wenn es zu dieser Adresse ein Konto gibt, ist ein Link unterwegs, mit dem Sie ein neues Passwort wählen. Er gilt {life}.',
  'reset.title': 'Neues Passwort wählen',
  'reset.intro': 'Alle Sitzungen Ihres Kontos enden, und dieser Browser wird angemeldet.',
  'reset.submit': 'Passwort setzen',
  'reset.newLink': 'Neuen Link schicken',
  'change.title': 'Passwort ändern',
  'change.must':
    'Sie haben sich mit einem vorläufigen Passwort angemeldet. Wählen Sie ein eigenes, dann geht es weiter.',
  'change.old': 'Jetziges Passwort',
  'change.temporary': 'Vorläufiges Passwort',
  'change.wrong': 'Das jetzige Passwort ist falsch.',
  'change.removeIdentities':
    'Auch alle Anbieter entfernen, mit denen man sich bei diesem Konto anmelden kann',
  'change.submit': 'Passwort ändern',
  'signUp.title': 'Konto anlegen',
  'signUp.submit': 'Konto anlegen',
  'signUp.signIn': 'Ich habe schon ein Konto',
  'signUp.sent':
    'Wir haben eine E-Mail an diese Adresse geschickt. Öffnen Sie den Link darin innerhalb dieser Zeit: {life}.',
  'verify.title': 'E-Mail-Adresse bestätigen',
  'verify.signUp': 'Geben Sie das Passwort ein, das Sie für Ihr neues Konto gewählt haben.',
  'verify.change': 'Diese Adresse wird die Ihres Kontos.',
  'verify.changeByPassword': 'Geben Sie das Passwort des Kontos ein, das diese Adresse bekommt.',
  'verify.wrong': 'Das ist nicht das Passwort dieses Kontos.',
  'verify.submit': 'Bestätigen',
  'changeEmail.title': 'E-Mail-Adresse ändern',
  'changeEmail.intro':
    'Wir schicken einen Link an die neue Adresse. Sie gilt, sobald Sie ihn geöffnet haben.',
  'changeEmail.new': 'Neue E-Mail-Adresse',
  'account.email': 'E-Mail-Adresse',
  'account.emailConfirmed': '{email} (bestätigt)',
  'account.emailUnconfirmed': '{email} (nicht bestätigt)',
  'account.noEmail': 'keine',
  'account.change': 'Ändern',
  'account.changeEmail': 'E-Mail-Adresse ändern',
  'account.ways': 'Wie Sie sich anmelden',
  'account.add': '{provider} hinzufügen',
  'account.remove': 'Entfernen',
  'account.removeProvider': '{provider} entfernen',
  'notice.identityRemoved': 'Der Anbieter ist entfernt. Damit können Sie sich nicht mehr anmelden.',
  'account.password': 'Passwort',
  'notice.passwordChanged': 'Ihr Passwort ist geändert. Alle anderen Sitzungen sind beendet.',
  'notice.emailConfirmed': 'Ihre E-Mail-Adresse ist bestätigt.',
  'notice.emailSent': 'Ein Link ist an die neue Adresse unterwegs.',
  'error.email': 'Das ist keine E-Mail-Adresse. Schreiben Sie sie wie name@example.com.',
  'error.too_short': 'Das Passwort ist zu kurz. Nehmen Sie mindestens {count} Zeichen.',
  'error.too_long': 'Das Passwort ist zu lang. Nehmen Sie höchstens 256 Zeichen.',
  'error.contains_login':
    'Das Passwort darf nicht aus Ihrem Benutzernamen oder Ihrer E-Mail-Adresse bestehen.',
  'error.blocklisted': 'Dieses Passwort probieren Angreifer zuerst. Wählen Sie ein anderes.',
  'error.same_as_old': 'Das ist das alte Passwort. Wählen Sie ein anderes.',
  'error.mailed_token': 'Dieser Link gilt nicht mehr. Lassen Sie sich einen neuen schicken.',
  'error.verify_password': 'Geben Sie das Passwort des Kontos ein, das diese Adresse bekommt.',
  'error.password_missing':
    'Geben Sie das Passwort ein, das Sie für Ihr neues Konto gewählt haben.',
  'error.email_taken': 'Zu dieser E-Mail-Adresse gibt es schon ein Konto. Melden Sie sich dort an.',
  'error.username_taken': 'Dieser Benutzername ist vergeben. Wählen Sie einen anderen.',

  'account.keys': 'API-Schlüssel',
  'account.keysIntro':
    'Ein Programm mit einem Schlüssel handelt in Ihrem Namen. Löschen Sie Schlüssel, die nicht mehr gebraucht werden.',
  'account.keyUsed': 'Angelegt {since}, zuletzt benutzt {used}',
  'account.keyUnused': 'Angelegt {since}, nie benutzt',
  'account.keyExpires': 'Läuft ab: {when}',
  'account.keyExpired': 'Abgelaufen: {when}',
  'account.keyScopes': 'Erlaubt: {scopes}',
  'account.delete': 'Löschen',
  'account.deleteKey': 'API-Schlüssel {name} löschen',
  'account.keyName': 'Name eines neuen Schlüssels',
  'account.keyNameHint': 'Wofür er ist, zum Beispiel „Nightly Build“.',
  'account.keyLife': 'Gültig für',
  'account.keyStays': 'unbegrenzte Zeit',
  'account.keyMay': 'Was er darf',
  'account.createKey': 'API-Schlüssel anlegen',
  'key.title': 'Ihr neuer API-Schlüssel',
  'key.copy': 'Kopieren Sie den Schlüssel „{name}“ jetzt. Er wird nicht noch einmal angezeigt.',
  'key.use': 'Programme senden ihn im Header X-API-Key. Halten Sie ihn geheim.',
  'notice.keyDeleted':
    'Der API-Schlüssel ist gelöscht. Programme, die ihn haben, werden abgewiesen.',
  'error.api_key': 'Dieser Schlüssel geht nicht. Geben Sie ihm einen Namen mit 1 bis 100 Zeichen.',
  'error.too_many_keys': 'Mehr API-Schlüssel kann ein Konto nicht haben. Löschen Sie zuerst einen.',

  'invitation.title': 'Einladung zu {org}',
  'invitation.from': '{inviter} lädt Sie zu {org} ein.',
  'invitation.fromApp': 'Sie sind zu {org} eingeladen.',
  'invitation.signIn':
    'Die Einladung gilt für {email}. Melden Sie sich mit dem Konto an, das diese Adresse hat.',
  'invitation.otherAddress':
    'Die Einladung gilt für {email}, und Sie sind als {user} angemeldet. Melden Sie sich mit dem Konto an, das diese Adresse hat.',
  'invitation.unproven':
    'Ihr Konto hat noch nicht nachgewiesen, dass {email} Ihre Adresse ist. Bestätigen Sie sie, und öffnen Sie dann den Link der Einladung noch einmal.',
  'invitation.member': 'Sie sind schon Mitglied von {org}.',
  'invitation.join': '{org} beitreten',
  'invitation.notNow': 'Jetzt nicht',
  'invitation.dead': 'Diese Einladung gilt nicht',
  'error.invitation':
    'Sie wurde zurückgezogen oder durch eine neuere ersetzt, oder wer sie geschickt hat, darf nicht mehr einladen. Lassen Sie sich eine neue schicken.',
  'error.invitation_used':
    'Sie wurde schon angenommen. In Ihrem Konto steht, wo Sie Mitglied sind.',
  'error.invitation_expired': 'Sie ist abgelaufen. Lassen Sie sich eine neue schicken.',
  'error.invitation_missing':
    'Dieser Browser weiß nicht, um welche Einladung es geht. Öffnen Sie den Link in der Mail noch einmal.',
  'error.last_owner':
    'Nur Sie haben in dieser Organisation die Rolle owner. Geben Sie sie zuerst einem anderen Mitglied.',
  'error.too_many_orgs':
    'Sie sind Mitglied von zu vielen Organisationen. Verlassen Sie zuerst eine davon.',
  'notice.orgJoined': 'Sie sind der Organisation beigetreten.',
  'notice.orgLeft': 'Sie haben die Organisation verlassen.',
  'account.orgs': 'Ihre Organisationen',
  'account.leaveOrg': 'Verlassen',
  'account.leaveThis': '{org} verlassen',

  'account.leave': 'Hier fertig?',
  'acting.label': 'Für jemand anderen angemeldet',
  'acting.who': '{actor} handelt für {user}.',
  'acting.until': 'Das endet {when}.',
  'acting.end': 'Beenden',

  'account.title': 'Ihr Konto',
  'account.who': 'Sie sind als {user} angemeldet.',
  'account.sessions': 'Wo Sie angemeldet sind',
  'account.device': '{browser} unter {system}',
  'account.unknownDevice': 'Unbekanntes Gerät',
  'account.support': 'Support ({device})',
  'account.current': 'dieser Browser',
  'account.used': 'Angemeldet {since}, zuletzt benutzt {used}',
  'account.end': 'Beenden',
  'account.endThis': 'Sitzung mit {device} beenden',
  'account.endOthers': 'Alle anderen Sitzungen beenden',
  'account.more': 'Es gibt weitere Sitzungen. „Alle anderen Sitzungen beenden“ beendet auch diese.',
  'notice.sessionEnded': 'Die Sitzung ist beendet.',
  'notice.othersEnded': 'Alle anderen Sitzungen sind beendet.',

  'error.title.400': 'Das hat nicht geklappt',
  'error.title.401': 'Bitte anmelden',
  'error.title.403': 'Kein Zugriff',
  'error.title.404': 'Seite nicht gefunden',
  'error.title.429': 'Zu viele Versuche',
  'error.title.503': 'Zurzeit nicht verfügbar',

  'error.account_exists':
    'Zu dieser E-Mail-Adresse gibt es schon ein Konto. Melden Sie sich dort wie bisher an; danach können Sie {provider} hinzufügen.',
  'error.no_account': 'Sie haben hier noch kein Konto. Fragen Sie die Administration danach.',
  'error.not_provisioned':
    'Ihr Konto darf sich hier nicht anmelden. Fragen Sie die Administration.',
  'error.access_denied':
    'Die Anmeldung mit {provider} wurde abgebrochen. Sie können es noch einmal versuchen.',
  'error.acr':
    'Diese Seite verlangt eine stärkere Anmeldung. Wählen Sie eine andere Art der Anmeldung.',
  'error.acr.only':
    'Diese Seite verlangt eine stärkere Anmeldung. Melden Sie sich noch einmal an, wenn möglich mit einem zweiten Faktor.',
  'error.provider': 'Diese Art der Anmeldung gibt es nicht. Wählen Sie eine von dieser Seite.',
  'error.link_other_user':
    'Inzwischen hat sich jemand anderes angemeldet. Melden Sie sich wieder an, und fügen Sie das Konto dann hinzu.',
  'error.linked_to_other':
    'Dieses Konto bei {provider} gehört hier zu jemand anderem. Melden Sie sich damit an, oder wählen Sie ein anderes.',
  'error.linked_of_late':
    'Sie haben {provider} erst vor Kurzem hinzugefügt. Für eine stärkere Anmeldung reicht das noch nicht. Wählen Sie eine andere Art der Anmeldung.',
  'error.last_way_in':
    'Nur so können Sie sich bei Ihrem Konto anmelden. Legen Sie zuerst ein Passwort fest, oder fügen Sie einen anderen Anbieter hinzu.',
  'error.ended_meanwhile':
    'Ihre Sitzungen wurden beendet, während Sie sich angemeldet haben. Melden Sie sich noch einmal an.',
  'error.domain':
    'Konten dieser Organisation können sich hier nicht anmelden. Wählen Sie ein anderes Konto bei {provider}.',
  'error.tenant':
    'Konten dieser Organisation können sich hier nicht anmelden. Wählen Sie ein anderes Konto bei {provider}.',
  'error.organization':
    'Dieses Konto bei {provider} gehört zu keiner Organisation, die sich anmelden darf. Wählen Sie ein anderes.',
  'error.organizations_hidden':
    '{provider} sagt nicht, zu welchen Organisationen Sie gehören. Melden Sie sich noch einmal an, und geben Sie dort den Zugriff auf Ihre frei.',
  'error.email_unverified':
    'Bestätigen Sie zuerst Ihre E-Mail-Adresse bei {provider}, und melden Sie sich dann noch einmal an.',
  'error.state':
    'Diese Anmeldung ist abgelaufen, oder sie hat in einem anderen Browser begonnen. Melden Sie sich noch einmal an.',
  'error.repeated_cookie':
    'Dieser Browser hat zwei verschiedene Cookies mit demselben Namen. Löschen Sie die Cookies dieser Website, und melden Sie sich dann wieder an.',
  'error.prefetch': 'Diese Seite darf nicht im Voraus geladen werden. Öffnen Sie sie noch einmal.',

  'error.CREDENTIALS_MISSING': 'Melden Sie sich an, um diese Seite zu sehen.',
  'error.TOKEN_EXPIRED': 'Ihre Sitzung ist beendet. Melden Sie sich wieder an.',
  'error.INVALID_TOKEN': 'Ihre Sitzung gilt hier nicht. Melden Sie sich wieder an.',
  'error.INVALID_DPOP_PROOF':
    'Diese Adresse ist für Programme, die einen eigenen Schlüssel nachweisen.',
  'error.USE_DPOP_NONCE':
    'Diese Adresse ist für Programme, die einen eigenen Schlüssel nachweisen.',
  'error.INVALID_CLIENT': 'Diese Adresse ist für Programme mit einem eigenen Konto.',
  'error.INVALID_SCOPE': 'Diese Adresse ist für Programme. Verlangt wurde mehr, als dieses darf.',
  'error.UNSUPPORTED_GRANT_TYPE':
    'Diese Adresse ist für Programme. Eine Anfrage dieser Art kennt sie nicht.',
  'error.TOKEN_REVOKED': 'Ihre Sitzung ist beendet. Melden Sie sich wieder an.',
  'error.INVALID_CREDENTIALS': 'Der Benutzername oder das Passwort ist falsch.',
  'error.LOGIN_FAILED':
    'Die Anmeldung mit {provider} ist nicht gelungen. Versuchen Sie es noch einmal.',
  'error.LOGIN_DENIED':
    'So können Sie sich nicht anmelden. Wählen Sie eine andere Art, oder fragen Sie die Administration.',
  'error.LOGIN_DENIED.only':
    'Mit diesem Konto können Sie sich nicht anmelden. Fragen Sie die Administration.',
  'error.REFRESH_INVALID': 'Ihre Sitzung ist beendet. Melden Sie sich wieder an.',
  'error.REFRESH_REUSED':
    'Ihre Sitzung wurde zu Ihrer Sicherheit beendet. Melden Sie sich wieder an.',
  'error.AUTH_CONTEXT_REQUIRED':
    'Dafür müssen Sie sich gerade erst angemeldet haben. Melden Sie sich noch einmal an.',
  'error.INSUFFICIENT_SCOPE':
    'Ihr Konto darf das nicht. Melden Sie sich mit einem anderen an, oder fragen Sie die Administration.',
  'error.INSUFFICIENT_ROLE':
    'Ihr Konto darf das nicht. Melden Sie sich mit einem anderen an, oder fragen Sie die Administration.',
  'error.INVALID_REQUEST':
    'Etwas an dieser Anfrage war nicht, wie es sein soll. Gehen Sie zurück, und versuchen Sie es noch einmal.',
  'error.ORG_REQUIRED':
    'Sie gehören zu mehreren Organisationen. Öffnen Sie diese Seite von einer davon aus.',
  'error.ORG_FORBIDDEN':
    'Sie gehören nicht zu dieser Organisation. Melden Sie sich mit einem anderen Konto an, oder lassen Sie sich hinzufügen.',
  'error.RESOURCE_FORBIDDEN': 'Dieser API-Schlüssel ist für etwas anderes.',
  'error.CROSS_SITE_REQUEST':
    'Dieses Formular kam von einer anderen Website. Zu Ihrer Sicherheit ist nichts geschehen.',
  'error.IMPERSONATION_ACTIVE':
    'Sie handeln für jemand anderen. Das kann nur diese Person selbst tun.',
  'error.IMPERSONATION_DENIED': 'Für diese Person können Sie nicht handeln.',
  'error.PASSWORD_CHANGE_REQUIRED': 'Wählen Sie zuerst ein neues Passwort.',
  'error.PASSWORD_POLICY': 'Dieses Passwort geht nicht. Wählen Sie ein anderes.',
  'error.RATE_LIMITED': 'Das waren zu viele Versuche. Der nächste ist {when} möglich.',
  'error.NOT_FOUND': 'Unter dieser Adresse gibt es nichts.',
  'error.METHOD_NOT_ALLOWED': 'Diese Adresse ist keine Seite.',
  'error.CONFLICT':
    'Inzwischen hat sich etwas geändert. Gehen Sie zurück, und versuchen Sie es noch einmal.',
  'error.SERVER_BUSY': 'Hier ist gerade viel zu tun. Versuchen Sie es {when} noch einmal.',
  'error.KEYS_UNAVAILABLE':
    '{provider} ist zurzeit nicht zu erreichen. Versuchen Sie es {when} noch einmal.',
  'error.STORE_UNAVAILABLE': 'Das geht zurzeit nicht. Versuchen Sie es {when} noch einmal.',
  'error.PROVIDER_ERROR':
    'Die Anmeldung mit {provider} geht zurzeit nicht. Versuchen Sie es in einigen Minuten noch einmal, oder melden Sie sich anders an.',
  'error.PROVIDER_ERROR.only':
    'Die Anmeldung mit {provider} geht zurzeit nicht. Versuchen Sie es in einigen Minuten noch einmal.',
  'error.UNSUPPORTED_MEDIA_TYPE':
    'Dieses Formular war nicht zu lesen. Gehen Sie zurück, und versuchen Sie es noch einmal.',
  'error.PAYLOAD_TOO_LARGE': 'Dieses Formular ist zu groß. Gehen Sie zurück, und kürzen Sie es.',
  'error.provider.unnamed': 'dem Anbieter',
};
