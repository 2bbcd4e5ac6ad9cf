ALTER TABLE people
  ADD COLUMN ehr_user text,
  ADD COLUMN specialties text[] NOT NULL DEFAULT '{}',
  ADD COLUMN sites text[] NOT NULL DEFAULT '{}',
  ADD COLUMN units text[] NOT NULL DEFAULT '{}',
  ADD COLUMN trained_for text[] NOT NULL DEFAULT '{}',
  ADD COLUMN delegated_tasks text[] NOT NULL DEFAULT '{}',
  ADD COLUMN delegated_until timestamptz,
  ADD COLUMN supervised_by uuid REFERENCES people (id)
-- next
CREATE UNIQUE INDEX people_by_national_id ON people (national_id) WHERE national_id IS NOT NULL
-- next
CREATE UNIQUE INDEX people_by_ehr_user ON people (ehr_user) WHERE ehr_user IS NOT NULL
-- next
ALTER TABLE sessions
  ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
  ADD COLUMN seen_at timestamptz NOT NULL DEFAULT now(),
  ADD COLUMN ended_at timestamptz,
  ADD COLUMN ended text NOT NULL DEFAULT '',
  ADD COLUMN reused_at timestamptz,
  ADD COLUMN device text NOT NULL DEFAULT ''
-- next
CREATE INDEX sessions_of_person ON sessions (person_id) WHERE ended_at IS NULL
-- next
CREATE TABLE sign_in_attempts (
  key bytea PRIMARY KEY,
  failures integer NOT NULL,
  last_at timestamptz NOT NULL,
  next_at timestamptz NOT NULL
)
-- next
CREATE TABLE known_devices (
  device bytea NOT NULL,
  person_id uuid NOT NULL REFERENCES people (id),
  last_at timestamptz NOT NULL,
  PRIMARY KEY (device, person_id)
)
-- next
CREATE TABLE sign_in_flows (
  state bytea PRIMARY KEY,
  browser bytea NOT NULL,
  purpose text NOT NULL,
  source text NOT NULL,
  nonce text NOT NULL,
  verifier text NOT NULL,
  session_token bytea,
  next text NOT NULL,
  begun_at timestamptz NOT NULL
)
-- next
CREATE TABLE passkeys (
  id uuid PRIMARY KEY,
  person_id uuid NOT NULL REFERENCES people (id),
  credential bytea NOT NULL UNIQUE,
  public_key bytea NOT NULL,
  sign_count bigint NOT NULL,
  name text NOT NULL,
  created_at timestamptz NOT NULL,
  used_at timestamptz,
  removed_at timestamptz
)
-- next
CREATE INDEX passkeys_of_person ON passkeys (person_id) WHERE removed_at IS NULL
-- next
CREATE TABLE challenges (
  id uuid PRIMARY KEY,
  challenge bytea NOT NULL UNIQUE,
  session_token bytea NOT NULL,
  purpose text NOT NULL,
  suggestion_id uuid,
  salt bytea NOT NULL,
  statement bytea NOT NULL,
  expires_at timestamptz NOT NULL
)
-- next
CREATE TABLE assertions (
  entry_id uuid PRIMARY KEY,
  suggestion_id uuid NOT NULL,
  salt bytea NOT NULL,
  evidence bytea NOT NULL
)
-- next
GRANT SELECT, INSERT, UPDATE ON passkeys TO garant_app
-- next
GRANT SELECT, INSERT ON assertions TO garant_app
-- next
GRANT SELECT, INSERT, UPDATE, DELETE ON sign_in_attempts, known_devices, sign_in_flows, challenges TO garant_app
-- next
GRANT SELECT ON passkeys, assertions TO garant_auditor
