-- As an administrator, whose table it is: psql "$ADMIN_URL" -v app=shop -v reader=auditor -f schema.sql
-- `app` is the role in AUTH_STORE_URL, `reader` that of the people who look things up. Neither may change a row.
CREATE TABLE auth_audit (
  at         timestamptz NOT NULL, -- by the clock of the instance
  instance   text        NOT NULL, -- a process, from its start to its end
  seq        bigint      NOT NULL, -- the order within the process; a gap is an event that was dropped
  event      text        NOT NULL,
  subject    text,                 -- id of the user or service account that it is about
  actor      text,                 -- id of the user who did it, where it is known to be a user
  session_id text,
  request_id text,
  ip         text,
  details    jsonb       NOT NULL, -- everything else that the event carries
  PRIMARY KEY (instance, seq)
);
CREATE INDEX ON auth_audit (subject, at);
CREATE INDEX ON auth_audit (actor, at) WHERE actor IS NOT NULL;
CREATE INDEX ON auth_audit (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX ON auth_audit USING brin (at);
REVOKE ALL ON auth_audit FROM PUBLIC;
GRANT INSERT ON auth_audit TO :"app";
GRANT SELECT ON auth_audit TO :"reader";
