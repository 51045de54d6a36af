/**
 * Words that people make long passwords of. A password that is only these, digits and repetition is among the
 * first that anybody tries, however long it is.
 */
export const commonWords: readonly string[] = [
  ...['password', 'passwort', 'passphrase', 'passcode', 'pass', 'word', 'letmein', 'welcome'],
  ...['iloveyou', 'ilove', 'love', 'you', 'login', 'logon', 'signin', 'admin', 'administrator'],
  ...['root', 'user', 'username', 'guest', 'test', 'testing', 'tester', 'demo', 'default'],
  ...['secret', 'private', 'secure', 'security', 'access', 'account', 'changeme', 'change'],
  ...['monkey', 'dragon', 'master', 'sunshine', 'princess', 'football', 'baseball', 'superman'],
  ...['batman', 'shadow', 'michael', 'jordan', 'michelle', 'jessica', 'ashley', 'charlie'],
  ...['qwerty', 'azerty', 'qwertz', 'trustno', 'hello', 'freedom', 'whatever', 'starwars'],
  ...['computer', 'internet', 'company', 'business', 'summer', 'winter', 'spring', 'autumn'],
  ...['monday', 'friday', 'sunday', 'january', 'december', 'correct', 'horse', 'battery'],
  ...['staple', 'my', 'is', 'the', 'this', 'a', 'i', 'me', 'please', 'new', 'old', 'very'],
  ...['long', 'strong', 'super', 'number', 'one', 'two', 'three', 'four', 'five', 'abc', 'xyz'],
];

/** Ways across a keyboard and through the alphabet, each also backwards. */
export const walks: readonly string[] = [
  'abcdefghijklmnopqrstuvwxyz',
  '01234567890123456789',
  'qwertyuiopasdfghjklzxcvbnm',
  'qwertzuiopasdfghjklyxcvbnm',
  'azertyuiopqsdfghjklmwxcvbn',
  '1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p',
  'qazwsxedcrfvtgbyhnujmikolp',
  '1q2w3e4r5t6y7u8i9o0p',
];
