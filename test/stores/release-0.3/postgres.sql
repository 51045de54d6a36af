CREATE TABLE latchkey_credentials (
    id text NOT NULL COLLATE pg_catalog."C",
    hash text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    owner_id text NOT NULL COLLATE pg_catalog."C",
    data text NOT NULL COLLATE pg_catalog."C",
    created_at bigint NOT NULL,
    expires_at bigint,
    last_used_at bigint,
    revoked_at bigint
);
CREATE TABLE latchkey_once (
    key text NOT NULL COLLATE pg_catalog."C",
    value text NOT NULL COLLATE pg_catalog."C",
    count bigint NOT NULL,
    expires_at bigint NOT NULL
);
CREATE TABLE latchkey_schema (
    version bigint NOT NULL
);
CREATE TABLE latchkey_sessions (
    id text NOT NULL COLLATE pg_catalog."C",
    user_id text NOT NULL COLLATE pg_catalog."C",
    kid text NOT NULL COLLATE pg_catalog."C",
    salt text NOT NULL COLLATE pg_catalog."C",
    generation bigint NOT NULL,
    rotated_at bigint NOT NULL,
    version bigint NOT NULL,
    created_at bigint NOT NULL,
    last_used_at bigint NOT NULL,
    idle_expires_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    revoked_at bigint,
    revoked_reason text COLLATE pg_catalog."C",
    provider_issuer text COLLATE pg_catalog."C",
    provider_subject text COLLATE pg_catalog."C",
    provider_session text COLLATE pg_catalog."C",
    data text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE latchkey_users (
    id text NOT NULL COLLATE pg_catalog."C",
    username text COLLATE pg_catalog."C",
    email text COLLATE pg_catalog."C",
    email_verified integer NOT NULL,
    password_hash text COLLATE pg_catalog."C",
    must_reset_password integer NOT NULL,
    disabled integer NOT NULL,
    roles text NOT NULL COLLATE pg_catalog."C",
    groups text NOT NULL COLLATE pg_catalog."C",
    attributes text NOT NULL COLLATE pg_catalog."C",
    orgs text NOT NULL COLLATE pg_catalog."C",
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    version bigint NOT NULL
);
INSERT INTO latchkey_credentials VALUES ('MMQ7t9MJPInYAUvSODZPXQ', 'TxR78SyrHXYuu6sS_iGJvGVuGVPT1XkwtgKMLS10Phg', 'identity', 'GYqaxhMXvsYf0QC2MfOJMQ', '{"provider":"google","issuer":"https://accounts.google.com","subject":"110169484474386276334"}', 1795507200000, NULL, NULL, NULL);
INSERT INTO latchkey_once VALUES ('c:limit:account:OEK8OWp-BPusSB115_sIkXHt_NGsIassmZbqcG0gPt0', '', 1, 1795510800000);
INSERT INTO latchkey_once VALUES ('c:limit:account:IzqZD_iKaAhSKDhy0Egq96JEVU6irRLv9lk5ixwEm74', '', 1, 1795510800000);
INSERT INTO latchkey_once VALUES ('c:limit:account:ZqVE4IHsPPiQCPS19D1nYTTkwlnxAow5maBx1G4wfm8', '', 1, 1795510800000);
INSERT INTO latchkey_once VALUES ('v:google:xfzwmmhZ-drLnDjqnyTSJRnflzXH35hPfZT0Msf4N_Y', '', 0, 1795507805000);
INSERT INTO latchkey_once VALUES ('c:ended:user:GYqaxhMXvsYf0QC2MfOJMQ', '', 0, 1795507800000);
INSERT INTO latchkey_once VALUES ('c:ended:subject:https://accounts.google.com 110169484474386276334', '', 0, 1795507800000);
INSERT INTO latchkey_once VALUES ('c:limit:account:EsREVqoQRasAuKurAnD7riNCOvHVgaq2J7G4su9h7Ug', '', 1, 1795597200000);
INSERT INTO latchkey_once VALUES ('c:limit:account:VMywfbz_PGrLEn9BKIJofSSN_hU3H7LCSr_-Q28k9TI', '', 1, 1795597200000);
INSERT INTO latchkey_once VALUES ('c:ended:user:odZ_7FsyUBJFVoaq8M701A', '', 1, 1795594200000);
INSERT INTO latchkey_once VALUES ('c:limit:reset:IzqZD_iKaAhSKDhy0Egq96JEVU6irRLv9lk5ixwEm74', '', 1, 1795597200000);
INSERT INTO latchkey_once VALUES ('v:reset-latest:pl55DVsl_x7psuaf5p0O_Q', 'reset:oxnY7whd8v95O5mZSLX4pY4efz6vX6IEkf0L27ccTpo', 0, 1795597200000);
INSERT INTO latchkey_once VALUES ('v:reset:oxnY7whd8v95O5mZSLX4pY4efz6vX6IEkf0L27ccTpo', '{"userId":"pl55DVsl_x7psuaf5p0O_Q","replaces":"bKSZ4I9N4ooxHadbQnYeeCp1pzadGj7i9JGhwJDy1Sk","expiresAt":1795597200000}', 0, 1795597200000);
INSERT INTO latchkey_once VALUES ('c:limit:address:127.0.0.1', '', 17, 1795594500000);
INSERT INTO latchkey_once VALUES ('c:limit:account:ghU-Nx5RpSfdsVY3XorOh0DdCJlKHFkvGoONLfd9HYg', '', 11, 1795597200000);
INSERT INTO latchkey_once VALUES ('v:a value', 'kept', 0, 1795680000000);
INSERT INTO latchkey_schema VALUES (1);
INSERT INTO latchkey_sessions VALUES ('KFQy9LGgTKOfWZHuoDS3ew', 'CsuDf6uv6P1ScLmY74tzQg', 'RVdf1arg', 'Ttmf_A5-Ik6DU_ROfMPtFA', 0, 1790409600000, 0, 1790409600000, 1790409600000, 1791014400000, 1793001600000, NULL, NULL, NULL, NULL, NULL, '{"amr":["pwd"],"authTime":1790409600,"device":"Node.js","delivery":"body"}');
INSERT INTO latchkey_sessions VALUES ('-TY6_pu4h2BLunXYBM1C2A', 'CsuDf6uv6P1ScLmY74tzQg', 'RVdf1arg', 'bww0PokRFOj5_5KId6OIzw', 0, 1795507200000, 0, 1795507200000, 1795507200000, 1796112000000, 1798099200000, NULL, NULL, NULL, NULL, NULL, '{"amr":["pwd"],"authTime":1795507200,"device":"Node.js","delivery":"body"}');
INSERT INTO latchkey_sessions VALUES ('uWFwGqIJUu2Q1Ypy1egdWw', 'sK_jVXmNF5Cb0cNGiwK8uQ', 'RVdf1arg', 'iOfsDyTaQKwASABUDIOTnA', 0, 1795507200000, 0, 1795507200000, 1795507200000, 1796112000000, 1798099200000, NULL, NULL, NULL, NULL, NULL, '{"amr":["pwd"],"authTime":1795507200,"device":"Node.js","delivery":"cookie"}');
INSERT INTO latchkey_sessions VALUES ('Yuw49cylzEGwkqsxdxy2yQ', 'HuXmSjxE5833e9_WAE7UCg', 'RVdf1arg', 'K1e8MtrKAPLa8-fRlvIr3A', 0, 1795507200000, 0, 1795507200000, 1795507200000, 1796112000000, 1798099200000, NULL, NULL, NULL, NULL, NULL, '{"amr":["pwd"],"authTime":1795507200,"device":"Node.js","delivery":"body"}');
INSERT INTO latchkey_sessions VALUES ('YzZYh7krbKy2V2Dhy42s6Q', 'pl55DVsl_x7psuaf5p0O_Q', 'RVdf1arg', 'wX9QZaSqyWXxq2a7mc-2gw', 0, 1795507200000, 0, 1795507200000, 1795507200000, 1796112000000, 1798099200000, NULL, NULL, NULL, NULL, NULL, '{"amr":["pwd"],"authTime":1795507200,"device":"Node.js","delivery":"body"}');
INSERT INTO latchkey_sessions VALUES ('gJuX7FgomWbWzIlchTcwcg', '5ad4iljagNYrpjKft3yKPw', 'RVdf1arg', 'jt7bg-XctxR0XscwQmNsTw', 0, 1795507200000, 0, 1795507200000, 1795507200000, 1796112000000, 1798099200000, NULL, NULL, NULL, NULL, NULL, '{"amr":["pwd"],"authTime":1795507200,"device":"Node.js","delivery":"body"}');
INSERT INTO latchkey_sessions VALUES ('c3z6ifa-Debvja8GLkZiJg', 'GYqaxhMXvsYf0QC2MfOJMQ', 'RVdf1arg', 'dpwfIEnAmz-I348N85WZ_A', 0, 1795507200000, 0, 1795507200000, 1795507200000, 1796112000000, 1798099200000, NULL, NULL, 'https://accounts.google.com', '110169484474386276334', NULL, '{"amr":[],"device":"Node.js","delivery":"body","provider":"google"}');
INSERT INTO latchkey_sessions VALUES ('pqwRby4ThvnOPIuUqPKF9Q', 'CsuDf6uv6P1ScLmY74tzQg', 'RVdf1arg', 'Js7leQl-ZovJweqKFzyjcQ', 0, 1795507200000, 0, 1795507200000, 1795507200000, 1796112000000, 1798099200000, 1795507200000, 'revoked', NULL, NULL, NULL, '{"amr":["pwd"],"authTime":1795507200,"device":"Node.js","delivery":"body"}');
INSERT INTO latchkey_sessions VALUES ('j3qAsmqp_feX-0YgcUEl4Q', 'CsuDf6uv6P1ScLmY74tzQg', 'RVdf1arg', 'YzdRYlOjTXWBhV_SwmooRQ', 2, 1795593600000, 0, 1795593600000, 1795593600000, 1796198400000, 1798185600000, NULL, NULL, NULL, NULL, NULL, '{"amr":["pwd"],"authTime":1795593600,"device":"Node.js","delivery":"body"}');
INSERT INTO latchkey_sessions VALUES ('YnjpcybKsPNtoDYAq0gVBQ', 'sK_jVXmNF5Cb0cNGiwK8uQ', 'RVdf1arg', 'NmeFYnNIAxHTsTDlmTuK7w', 1, 1795593600000, 0, 1795593600000, 1795593600000, 1796198400000, 1798185600000, NULL, NULL, NULL, NULL, NULL, '{"amr":["pwd"],"authTime":1795593600,"device":"Node.js","delivery":"body"}');
INSERT INTO latchkey_sessions VALUES ('WDs4z6NL_9qpsbj4569sEw', 'odZ_7FsyUBJFVoaq8M701A', 'RVdf1arg', 'kjqWkXEZf-6KanTe0M1iFg', 0, 1795593600000, 0, 1795593600000, 1795593600000, 1796198400000, 1798185600000, 1795593600000, 'ended_by_administrator', NULL, NULL, NULL, '{"amr":["pwd"],"authTime":1795593600,"device":"Node.js","delivery":"body"}');
INSERT INTO latchkey_users VALUES ('CsuDf6uv6P1ScLmY74tzQg', 'alice', 'alice@example.com', 1, '$argon2id$v=19$m=19456,t=2,p=1$ejKq/Rmjm98KSIUV0jBvJQ$C7u+6AH3ZxuOHhV4zM9qKJx5wIanPrwblT5P4bVrhwA', 0, 0, '[]', '[]', '{}', '[]', 1790409600000, 1790409600000, 0);
INSERT INTO latchkey_users VALUES ('HuXmSjxE5833e9_WAE7UCg', 'bob', NULL, 0, '$argon2id$v=19$m=19456,t=2,p=1$ejKq/Rmjm98KSIUV0jBvJQ$C7u+6AH3ZxuOHhV4zM9qKJx5wIanPrwblT5P4bVrhwA', 0, 0, '[]', '[]', '{}', '[]', 1790409600000, 1790409600000, 0);
INSERT INTO latchkey_users VALUES ('sK_jVXmNF5Cb0cNGiwK8uQ', 'zoë', NULL, 0, '$argon2id$v=19$m=19456,t=2,p=1$ejKq/Rmjm98KSIUV0jBvJQ$C7u+6AH3ZxuOHhV4zM9qKJx5wIanPrwblT5P4bVrhwA', 0, 0, '["admin"]', '["staff","night shift"]', '{"region":"eu","level":3,"lead":true,"none":null,"list":["a",1]}', '[{"id":"acme","roles":["owner"],"isDefault":true}]', 1790409600000, 1790409600000, 0);
INSERT INTO latchkey_users VALUES ('pl55DVsl_x7psuaf5p0O_Q', NULL, 'carol@example.com', 0, '$argon2id$v=19$m=19456,t=2,p=1$ejKq/Rmjm98KSIUV0jBvJQ$C7u+6AH3ZxuOHhV4zM9qKJx5wIanPrwblT5P4bVrhwA', 0, 0, '[]', '[]', '{}', '[]', 1790409600000, 1790409600000, 0);
INSERT INTO latchkey_users VALUES ('GLbJDr_XKk5zR7IZ71-RPA', 'disabled', NULL, 0, '$argon2id$v=19$m=19456,t=2,p=1$ejKq/Rmjm98KSIUV0jBvJQ$C7u+6AH3ZxuOHhV4zM9qKJx5wIanPrwblT5P4bVrhwA', 0, 1, '[]', '[]', '{}', '[]', 1790409600000, 1790409600000, 0);
INSERT INTO latchkey_users VALUES ('5ad4iljagNYrpjKft3yKPw', 'must-reset', NULL, 0, '$argon2id$v=19$m=19456,t=2,p=1$ejKq/Rmjm98KSIUV0jBvJQ$C7u+6AH3ZxuOHhV4zM9qKJx5wIanPrwblT5P4bVrhwA', 1, 0, '[]', '[]', '{}', '[]', 1790409600000, 1790409600000, 0);
INSERT INTO latchkey_users VALUES ('odZ_7FsyUBJFVoaq8M701A', 'limited', NULL, 0, '$argon2id$v=19$m=19456,t=2,p=1$ejKq/Rmjm98KSIUV0jBvJQ$C7u+6AH3ZxuOHhV4zM9qKJx5wIanPrwblT5P4bVrhwA', 0, 0, '[]', '[]', '{}', '[]', 1790409600000, 1790409600000, 0);
INSERT INTO latchkey_users VALUES ('GYqaxhMXvsYf0QC2MfOJMQ', NULL, 'ada@allowed.com', 0, NULL, 0, 0, '[]', '[]', '{}', '[]', 1795507200000, 1795507200000, 0);
ALTER TABLE ONLY latchkey_credentials
    ADD CONSTRAINT latchkey_credentials_hash_key UNIQUE (hash);
ALTER TABLE ONLY latchkey_credentials
    ADD CONSTRAINT latchkey_credentials_pkey PRIMARY KEY (id);
ALTER TABLE ONLY latchkey_once
    ADD CONSTRAINT latchkey_once_pkey PRIMARY KEY (key);
ALTER TABLE ONLY latchkey_schema
    ADD CONSTRAINT latchkey_schema_pkey PRIMARY KEY (version);
ALTER TABLE ONLY latchkey_sessions
    ADD CONSTRAINT latchkey_sessions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY latchkey_users
    ADD CONSTRAINT latchkey_users_email_key UNIQUE (email);
ALTER TABLE ONLY latchkey_users
    ADD CONSTRAINT latchkey_users_pkey PRIMARY KEY (id);
ALTER TABLE ONLY latchkey_users
    ADD CONSTRAINT latchkey_users_username_key UNIQUE (username);
CREATE INDEX latchkey_credentials_owner ON latchkey_credentials USING btree (owner_id);
CREATE INDEX latchkey_once_end ON latchkey_once USING btree (expires_at);
CREATE INDEX latchkey_sessions_idle ON latchkey_sessions USING btree (idle_expires_at);
CREATE INDEX latchkey_sessions_provider ON latchkey_sessions USING btree (provider_issuer, provider_session);
CREATE INDEX latchkey_sessions_revoked ON latchkey_sessions USING btree (revoked_at);
CREATE INDEX latchkey_sessions_subject ON latchkey_sessions USING btree (provider_issuer, provider_subject);
CREATE INDEX latchkey_sessions_user ON latchkey_sessions USING btree (user_id);
