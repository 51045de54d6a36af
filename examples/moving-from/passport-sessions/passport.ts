import { timingSafeEqual } from 'node:crypto';
import { Passport } from 'passport';
import { Strategy } from 'passport-local';
import { hashPassword, type UserTable } from './users.js';

const WRONG = { message: 'Incorrect username or password.' };

/** Passport as its tutorial sets it up. */
export function createPassport(users: UserTable) {
  const passport = new Passport();
  passport.use(
    new Strategy((username, password, done) => {
      const user = users.findByName(username);
      if (!user) return done(null, false, WRONG);
      hashPassword(password, user.salt).then(
        (hash) =>
          timingSafeEqual(user.hashedPassword, hash) ? done(null, user) : done(null, false, WRONG),
        done,
      );
    }),
  );
  passport.serializeUser((user, done) => done(null, 'id' in user ? user.id : undefined));
  passport.deserializeUser((id, done) => done(null, users.findById(id) ?? false));
  return passport;
}
