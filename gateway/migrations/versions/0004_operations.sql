ALTER TABLE log_head ADD COLUMN fence bigint NOT NULL DEFAULT 0
-- next
ALTER TABLE notices ADD COLUMN subject text NOT NULL DEFAULT ''
-- next
CREATE TABLE rota_warnings (
  id uuid PRIMARY KEY,
  establishment text NOT NULL,
  rota text NOT NULL,
  starts_at timestamptz,
  warned_at timestamptz NOT NULL
)
-- next
CREATE INDEX suggestions_unreviewed ON suggestions (due_at) WHERE state = 'emergency'
-- next
GRANT SELECT, INSERT ON rota_warnings TO garant_app
-- next
GRANT SELECT ON rota_warnings TO garant_auditor
