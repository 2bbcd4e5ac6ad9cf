DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'garant_rewrapper') THEN
    CREATE ROLE garant_rewrapper NOLOGIN;
  END IF;
  IF NOT pg_has_role(current_user, 'garant_rewrapper', 'SET') THEN
    EXECUTE format('GRANT garant_rewrapper TO %I', current_user);
  END IF;
END $$
-- next
ALTER TABLE suggestions
  ADD COLUMN erased_at timestamptz,
  ADD COLUMN erased_basis text NOT NULL DEFAULT ''
-- next
CREATE INDEX suggestions_by_case ON suggestions (case_id)
-- next
CREATE INDEX suggestions_unerased ON suggestions (received_at) WHERE erased_at IS NULL
-- next
ALTER TABLE cases ADD COLUMN died_on date, ADD COLUMN death_noted_at timestamptz
-- next
ALTER TABLE replicas ADD COLUMN keks text[] NOT NULL DEFAULT '{}'
-- next
CREATE TABLE erasures (
  id uuid PRIMARY KEY,
  establishment text NOT NULL,
  case_id uuid NOT NULL,
  basis text NOT NULL,
  asked_by uuid NOT NULL,
  asked_at timestamptz NOT NULL,
  asked_entry uuid NOT NULL,
  withdrawn_at timestamptz,
  confirmed_by uuid CHECK (confirmed_by <> asked_by),
  done_at timestamptz,
  done_entry uuid,
  proof jsonb,
  proven_at timestamptz
)
-- next
CREATE UNIQUE INDEX erasures_open ON erasures (case_id) WHERE done_at IS NULL AND withdrawn_at IS NULL
-- next
CREATE TABLE legal_holds (
  id uuid PRIMARY KEY,
  establishment text NOT NULL,
  case_id uuid NOT NULL,
  reason text NOT NULL,
  set_by text NOT NULL,
  set_at timestamptz NOT NULL,
  lifted_by text,
  lifted_at timestamptz,
  lifted_reason text
)
-- next
CREATE UNIQUE INDEX legal_holds_active ON legal_holds (case_id) WHERE lifted_at IS NULL
-- next
CREATE OR REPLACE FUNCTION refuse_new_judgement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND current_user = 'garant_eraser' THEN
    RETURN NULL;
  END IF;
  RAISE EXCEPTION 'a judgement that was made first is never changed: % is refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END $$
-- next
CREATE FUNCTION destroy_content(chosen uuid[], why text, at timestamptz) RETURNS void LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
BEGIN
  DELETE FROM payloads WHERE suggestion_id = ANY(chosen);
  DELETE FROM judgements WHERE suggestion_id = ANY(chosen);
  DELETE FROM opinions WHERE suggestion_id = ANY(chosen);
  DELETE FROM notices WHERE suggestion_id = ANY(chosen);
  DELETE FROM challenges WHERE suggestion_id = ANY(chosen);
  UPDATE signatures SET shown_sha256 = '', final_sha256 = NULL, request = NULL, findings = '' WHERE suggestion_id = ANY(chosen);
  UPDATE suggestions SET erased_at = at, erased_basis = why, attach_key = NULL, body_hash = NULL, version = version + 1
    WHERE id = ANY(chosen);
  UPDATE cases SET reference = NULL, died_on = NULL, death_noted_at = NULL WHERE id IN (SELECT case_id FROM suggestions WHERE id = ANY(chosen))
    AND NOT EXISTS (SELECT FROM suggestions AS s WHERE s.case_id = cases.id AND s.erased_at IS NULL);
END $$
-- next
CREATE FUNCTION erase_case(erasure uuid, confirmer uuid, entry uuid, at timestamptz) RETURNS SETOF uuid LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
  asked erasures%ROWTYPE;
  chosen uuid[];
BEGIN
  SELECT * INTO asked FROM erasures AS e WHERE e.id = erasure AND e.done_at IS NULL AND e.withdrawn_at IS NULL AND e.asked_by <> confirmer
    AND e.asked_at > at - interval '7 days' FOR UPDATE;
  IF NOT FOUND OR EXISTS (SELECT FROM legal_holds AS h WHERE h.case_id = asked.case_id AND h.lifted_at IS NULL) THEN
    RETURN;
  END IF;
  SELECT array_agg(s.id) INTO chosen FROM (
    SELECT o.id FROM suggestions AS o WHERE o.case_id = asked.case_id ORDER BY o.id FOR UPDATE
  ) AS s;
  IF EXISTS (SELECT FROM suggestions AS s WHERE s.case_id = asked.case_id AND s.state IN
      ('queued', 'held', 'notified', 'first_signed', 'disputed', 'signed', 'drafted', 'emergency')) THEN
    RETURN;
  END IF;
  PERFORM destroy_content(chosen, asked.basis, at);
  UPDATE erasures AS e SET confirmed_by = confirmer, done_at = at, done_entry = entry WHERE e.id = erasure;
  RETURN NEXT erasure;
END $$
-- next
CREATE FUNCTION erase_due(whole uuid, chosen uuid[], why text, at timestamptz) RETURNS SETOF uuid LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM FROM suggestions AS s WHERE s.id = ANY(chosen) ORDER BY s.id FOR UPDATE;
  IF EXISTS (SELECT FROM suggestions AS s WHERE s.id = ANY(chosen) AND (s.case_id <> whole OR s.erased_at IS NOT NULL OR s.state IN
      ('queued', 'held', 'notified', 'first_signed', 'disputed', 'signed', 'drafted', 'emergency')))
    OR EXISTS (SELECT FROM legal_holds AS h WHERE h.case_id = whole AND h.lifted_at IS NULL)
    OR EXISTS (SELECT FROM suggestions AS s WHERE s.id = ANY(chosen) AND s.received_at > now() - interval '180 days')
    OR EXISTS (SELECT FROM suggestions AS s JOIN signatures AS g ON g.suggestion_id = s.id
               WHERE s.id = ANY(chosen) AND s.received_at > now() - interval '10 years') THEN
    RETURN;
  END IF;
  PERFORM destroy_content(chosen, why, at);
  DELETE FROM signatures WHERE suggestion_id = ANY(chosen);
  DELETE FROM active_times WHERE suggestion_id = ANY(chosen);
  RETURN NEXT whole;
END $$
-- next
CREATE FUNCTION forget_person(who uuid) RETURNS SETOF uuid LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM people AS p WHERE p.id = who AND p.active)
    OR EXISTS (SELECT FROM signatures AS g WHERE g.person_id = who)
    OR EXISTS (SELECT FROM judgements AS j WHERE j.person_id = who)
    OR EXISTS (SELECT FROM opinions AS o WHERE o.person_id = who)
    OR EXISTS (SELECT FROM people AS p WHERE p.supervised_by = who) THEN
    RETURN;
  END IF;
  DELETE FROM sessions WHERE person_id = who;
  DELETE FROM known_devices WHERE person_id = who;
  DELETE FROM passkeys WHERE person_id = who;
  DELETE FROM person_preferences WHERE person_id = who;
  RETURN QUERY DELETE FROM people AS p WHERE p.id = who RETURNING p.id;
END $$
-- next
CREATE FUNCTION forget_journal(name text, kinds text[], until timestamptz) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
  gone bigint;
BEGIN
  IF until > now() - interval '180 days' THEN
    RETURN 0;
  END IF;
  DELETE FROM log_search AS l WHERE l.establishment = name AND l.type = ANY(kinds) AND l.at < until
    AND l.index < (SELECT max(m.index) FROM log_search AS m WHERE m.establishment = name);
  GET DIAGNOSTICS gone = ROW_COUNT;
  DELETE FROM known_devices WHERE last_at < until;
  RETURN gone;
END $$
-- next
GRANT CREATE ON SCHEMA public TO garant_eraser
-- next
ALTER FUNCTION destroy_content(uuid[], text, timestamptz) OWNER TO garant_eraser
-- next
ALTER FUNCTION erase_case(uuid, uuid, uuid, timestamptz) OWNER TO garant_eraser
-- next
ALTER FUNCTION erase_due(uuid, uuid[], text, timestamptz) OWNER TO garant_eraser
-- next
ALTER FUNCTION forget_person(uuid) OWNER TO garant_eraser
-- next
ALTER FUNCTION forget_journal(text, text[], timestamptz) OWNER TO garant_eraser
-- next
REVOKE CREATE ON SCHEMA public FROM garant_eraser
-- next
REVOKE ALL ON FUNCTION destroy_content(uuid[], text, timestamptz), erase_case(uuid, uuid, uuid, timestamptz),
  erase_due(uuid, uuid[], text, timestamptz), forget_person(uuid), forget_journal(text, text[], timestamptz) FROM PUBLIC
-- next
GRANT EXECUTE ON FUNCTION erase_case(uuid, uuid, uuid, timestamptz), erase_due(uuid, uuid[], text, timestamptz), forget_person(uuid),
  forget_journal(text, text[], timestamptz) TO garant_app
-- next
GRANT SELECT, DELETE ON judgements, opinions, notices, challenges, signatures, active_times, sessions, known_devices, passkeys,
  person_preferences, people, log_search TO garant_eraser
-- next
GRANT SELECT ON suggestions, cases, legal_holds TO garant_eraser
-- next
GRANT UPDATE (shown_sha256, final_sha256, request, findings) ON signatures TO garant_eraser
-- next
GRANT UPDATE (erased_at, erased_basis, attach_key, body_hash, version) ON suggestions TO garant_eraser
-- next
GRANT UPDATE (reference, died_on, death_noted_at) ON cases TO garant_eraser
-- next
GRANT SELECT, UPDATE ON erasures TO garant_eraser
-- next
GRANT SELECT, INSERT ON erasures, legal_holds TO garant_app
-- next
GRANT UPDATE (withdrawn_at, proof, proven_at) ON erasures TO garant_app
-- next
GRANT UPDATE (lifted_by, lifted_at, lifted_reason) ON legal_holds TO garant_app
-- next
GRANT UPDATE (died_on, death_noted_at) ON cases TO garant_app
-- next
GRANT SELECT ON suggestions, payloads TO garant_rewrapper
-- next
GRANT UPDATE (kek, wrapped_key) ON payloads TO garant_rewrapper
-- next
GRANT SELECT ON erasures, legal_holds TO garant_auditor
