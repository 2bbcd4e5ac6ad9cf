ALTER TABLE people ADD COLUMN last_sign_in_at timestamptz
-- next
ALTER TABLE machines ADD COLUMN last_used_at timestamptz
-- next
CREATE FUNCTION note_sign_in() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE people SET last_sign_in_at = NEW.created_at WHERE id = NEW.person_id;
  RETURN NULL;
END $$
-- next
CREATE TRIGGER sessions_note_sign_in AFTER INSERT ON sessions FOR EACH ROW EXECUTE FUNCTION note_sign_in()
-- next
CREATE TABLE replicas (
  id uuid PRIMARY KEY,
  establishment text NOT NULL,
  host text NOT NULL,
  pid integer NOT NULL,
  started_at timestamptz NOT NULL,
  seen_at timestamptz NOT NULL,
  systems jsonb NOT NULL DEFAULT '{}'
)
-- next
GRANT SELECT, INSERT, UPDATE, DELETE ON replicas TO garant_app
