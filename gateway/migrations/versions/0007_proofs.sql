CREATE TABLE spent_proofs (
  session_id uuid NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (session_id, at)
)
-- next
GRANT SELECT, INSERT, DELETE ON spent_proofs TO garant_app
-- next
GRANT SELECT ON spent_proofs TO garant_auditor
-- next
CREATE TABLE policies_in_force (
  task text PRIMARY KEY,
  digest text NOT NULL
)
-- next
GRANT SELECT, INSERT, UPDATE ON policies_in_force TO garant_app
-- next
GRANT SELECT ON policies_in_force TO garant_auditor
-- next
ALTER TABLE people
  ADD COLUMN unconfirmed_since timestamptz,
  ADD COLUMN unconfirmed_by text NOT NULL DEFAULT ''
