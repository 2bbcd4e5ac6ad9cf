DO $$
DECLARE role text;
BEGIN
  FOREACH role IN ARRAY ARRAY['garant_app', 'garant_auditor', 'garant_eraser'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN', role);
    END IF;
    IF NOT pg_has_role(current_user, role, 'SET') THEN
      EXECUTE format('GRANT %I TO %I', role, current_user);
    END IF;
  END LOOP;
END $$
-- next
CREATE TABLE log_head (
  establishment text PRIMARY KEY,
  origin text NOT NULL,
  size bigint NOT NULL,
  frontier bytea NOT NULL,
  checkpoint text NOT NULL,
  stops text[] NOT NULL DEFAULT '{}'
)
-- next
CREATE TABLE entries (
  establishment text NOT NULL,
  index bigint NOT NULL,
  id uuid NOT NULL UNIQUE,
  type text NOT NULL,
  at timestamptz NOT NULL,
  case_id uuid,
  suggestion_id uuid,
  task text,
  leaf bytea NOT NULL,
  leaf_hash bytea NOT NULL,
  PRIMARY KEY (establishment, index)
)
-- next
CREATE INDEX entries_by_case ON entries (case_id, index) WHERE case_id IS NOT NULL
-- next
CREATE TABLE checkpoints (
  establishment text NOT NULL,
  size bigint NOT NULL,
  at timestamptz NOT NULL,
  note text NOT NULL,
  PRIMARY KEY (establishment, size)
)
-- next
CREATE TABLE policy_documents (
  digest text PRIMARY KEY,
  document text NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
)
-- next
CREATE TABLE cases (
  id uuid PRIMARY KEY,
  establishment text NOT NULL,
  reference bytea UNIQUE,
  created_at timestamptz NOT NULL DEFAULT now()
)
-- next
CREATE TABLE suggestions (
  id uuid PRIMARY KEY,
  establishment text NOT NULL,
  site text NOT NULL,
  case_id uuid NOT NULL,
  system text NOT NULL,
  task text NOT NULL,
  kind text NOT NULL,
  protocol text NOT NULL,
  mode text NOT NULL,
  policy text NOT NULL,
  machine text NOT NULL,
  model text NOT NULL DEFAULT '',
  model_version text NOT NULL DEFAULT '',
  state text NOT NULL,
  version integer NOT NULL DEFAULT 1,
  urgency smallint NOT NULL DEFAULT 3,
  attach_key bytea UNIQUE,
  body_hash bytea,
  stream boolean NOT NULL DEFAULT false,
  background boolean NOT NULL DEFAULT false,
  received_at timestamptz NOT NULL,
  answered_at timestamptz,
  opened_at timestamptz,
  decided_at timestamptz,
  released_at timestamptz,
  delivered_at timestamptz,
  due_at timestamptz,
  expires_at timestamptz,
  next_clock_at timestamptz,
  rung smallint NOT NULL DEFAULT 0,
  overdue boolean NOT NULL DEFAULT false,
  asked text[] NOT NULL DEFAULT '{}',
  notified_person text,
  lease uuid,
  leased_by uuid,
  leased_until timestamptz,
  signatures smallint NOT NULL DEFAULT 1,
  first_signer uuid,
  code text NOT NULL DEFAULT '',
  decision text NOT NULL DEFAULT ''
)
-- next
CREATE INDEX suggestions_waiting ON suggestions (overdue DESC, urgency, received_at)
  WHERE state IN ('held', 'notified', 'first_signed', 'drafted', 'emergency')
-- next
CREATE INDEX suggestions_by_clock ON suggestions (next_clock_at) WHERE next_clock_at IS NOT NULL
-- next
CREATE INDEX suggestions_by_system ON suggestions (system, model_version, received_at)
-- next
CREATE TABLE payloads (
  suggestion_id uuid NOT NULL,
  field text NOT NULL,
  entry_id uuid NOT NULL,
  salt bytea NOT NULL,
  kek text,
  wrapped_key bytea,
  nonce bytea,
  ciphertext bytea,
  PRIMARY KEY (suggestion_id, field)
)
-- next
CREATE TABLE usage_records (
  record uuid PRIMARY KEY,
  establishment text NOT NULL,
  log_index bigint NOT NULL,
  task text NOT NULL,
  at timestamptz NOT NULL,
  facts jsonb NOT NULL
)
-- next
CREATE INDEX usage_by_index ON usage_records (establishment, log_index)
-- next
CREATE TABLE people (
  id uuid PRIMARY KEY,
  login text NOT NULL UNIQUE,
  name text NOT NULL,
  profession text NOT NULL,
  national_id text,
  roles text[] NOT NULL,
  groups text[] NOT NULL DEFAULT '{}',
  password_hash text NOT NULL,
  must_change boolean NOT NULL DEFAULT true,
  trained_until timestamptz,
  active boolean NOT NULL DEFAULT true,
  credentials integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now()
)
-- next
CREATE TABLE sessions (
  token bytea PRIMARY KEY,
  person_id uuid NOT NULL REFERENCES people (id),
  credentials integer NOT NULL,
  csrf text NOT NULL,
  method text NOT NULL,
  created_at timestamptz NOT NULL,
  authenticated_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL
)
-- next
CREATE TABLE machines (
  id text PRIMARY KEY,
  name text NOT NULL,
  secret_hash bytea NOT NULL,
  tasks text[] NOT NULL,
  site text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  revoked_at timestamptz
)
-- next
CREATE TABLE signatures (
  id uuid PRIMARY KEY,
  suggestion_id uuid NOT NULL,
  person_id uuid NOT NULL,
  printed_name text NOT NULL,
  profession text NOT NULL,
  decision text NOT NULL,
  meaning text NOT NULL,
  amendment text NOT NULL DEFAULT '',
  reason text NOT NULL DEFAULT '',
  shown_sha256 bytea NOT NULL,
  final_sha256 bytea,
  model text NOT NULL,
  model_version text NOT NULL,
  method text NOT NULL,
  authenticated_at timestamptz NOT NULL,
  at timestamptz NOT NULL,
  active_seconds_raw double precision NOT NULL,
  active_seconds double precision NOT NULL,
  time_source text NOT NULL,
  entry_id uuid NOT NULL
)
-- next
CREATE INDEX signatures_by_suggestion ON signatures (suggestion_id)
-- next
CREATE TABLE stops (
  id uuid PRIMARY KEY,
  establishment text NOT NULL,
  scope text NOT NULL,
  reason text NOT NULL,
  stopped_by uuid NOT NULL,
  stopped_at timestamptz NOT NULL,
  resumed_by uuid,
  resumed_at timestamptz,
  resume_reason text
)
-- next
CREATE UNIQUE INDEX stops_active ON stops (establishment, scope) WHERE resumed_at IS NULL
-- next
CREATE TABLE notices (
  id uuid PRIMARY KEY,
  webhook text NOT NULL,
  kind text NOT NULL,
  suggestion_id uuid,
  person text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL,
  attempts smallint NOT NULL DEFAULT 0,
  next_at timestamptz,
  delivered_at timestamptz,
  gone boolean NOT NULL DEFAULT false
)
-- next
CREATE INDEX notices_due ON notices (next_at) WHERE next_at IS NOT NULL
-- next
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the log is append-only: % on % is refused', TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$
-- next
CREATE TRIGGER entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON entries
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
-- next
ALTER TABLE entries ENABLE ALWAYS TRIGGER entries_append_only
-- next
GRANT SELECT, INSERT ON entries, checkpoints, policy_documents, usage_records, signatures, payloads, cases TO garant_app
-- next
GRANT SELECT, INSERT, UPDATE ON log_head, suggestions, people, machines, stops, notices TO garant_app
-- next
GRANT SELECT, INSERT, UPDATE, DELETE ON sessions TO garant_app
-- next
GRANT SELECT ON ALL TABLES IN SCHEMA public TO garant_auditor
-- next
GRANT SELECT, DELETE ON payloads TO garant_eraser
