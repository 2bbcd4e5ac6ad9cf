CREATE TABLE spent_proofs (
  session_id uuid NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (session_id, at)
)
-- next
GRANT SELECT, INSERT, DELETE ON spent_proofs TO garant_app
-- next
GRANT SELECT ON spent_proofs TO garant_auditor
