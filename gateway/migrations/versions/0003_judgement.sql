ALTER TABLE suggestions
  ADD COLUMN judge_first boolean NOT NULL DEFAULT false,
  ADD COLUMN second_signer uuid,
  ADD COLUMN final_entry uuid,
  ADD COLUMN assigned_to uuid,
  ADD COLUMN returns_to uuid,
  ADD COLUMN leased_at timestamptz
-- next
ALTER TABLE signatures
  ADD COLUMN step text NOT NULL DEFAULT 'decide',
  ADD COLUMN after_judgement text NOT NULL DEFAULT '',
  ADD COLUMN findings text NOT NULL DEFAULT '',
  ADD COLUMN lease uuid,
  ADD COLUMN request bytea,
  ADD CONSTRAINT a_rejection_is_coded CHECK (decision <> 'reject' OR reason <> '')
-- next
DROP INDEX suggestions_waiting
-- next
CREATE INDEX suggestions_waiting ON suggestions (task, urgency, received_at)
  WHERE state IN ('held', 'notified', 'first_signed', 'disputed', 'drafted', 'emergency')
-- next
CREATE TABLE judgements (
  id uuid PRIMARY KEY,
  suggestion_id uuid NOT NULL,
  person_id uuid NOT NULL,
  printed_name text NOT NULL,
  profession text NOT NULL,
  confidence smallint NOT NULL CHECK (confidence BETWEEN 0 AND 100),
  at timestamptz NOT NULL,
  entry_id uuid NOT NULL,
  UNIQUE (suggestion_id, person_id)
)
-- next
CREATE TABLE opinions (
  id uuid PRIMARY KEY,
  suggestion_id uuid NOT NULL,
  kind text NOT NULL,
  person_id uuid NOT NULL,
  printed_name text NOT NULL,
  profession text NOT NULL,
  at timestamptz NOT NULL,
  entry_id uuid NOT NULL
)
-- next
CREATE INDEX opinions_by_suggestion ON opinions (suggestion_id)
-- next
CREATE TABLE active_times (
  id uuid PRIMARY KEY,
  suggestion_id uuid NOT NULL,
  person_id uuid NOT NULL,
  act text NOT NULL,
  raw double precision NOT NULL CHECK (raw >= 0),
  capped double precision NOT NULL CHECK (capped >= 0 AND capped <= raw),
  read double precision NOT NULL DEFAULT 0,
  judge double precision NOT NULL DEFAULT 0,
  edit double precision NOT NULL DEFAULT 0,
  source text NOT NULL,
  at timestamptz NOT NULL,
  entry_id uuid NOT NULL
)
-- next
CREATE INDEX active_times_by_suggestion ON active_times (suggestion_id)
-- next
CREATE FUNCTION refuse_new_judgement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a judgement that was made first is never changed: % is refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END $$
-- next
CREATE TRIGGER judgements_unchangeable BEFORE UPDATE OR DELETE OR TRUNCATE ON judgements
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_new_judgement()
-- next
ALTER TABLE judgements ENABLE ALWAYS TRIGGER judgements_unchangeable
-- next
GRANT SELECT, INSERT ON judgements, opinions, active_times TO garant_app
-- next
GRANT SELECT ON judgements, opinions, active_times TO garant_auditor
