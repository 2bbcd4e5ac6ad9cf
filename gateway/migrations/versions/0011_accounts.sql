CREATE TABLE identity_documents (
  digest text PRIMARY KEY,
  document text NOT NULL
)
-- next
GRANT SELECT, INSERT ON identity_documents TO garant_app
-- next
GRANT SELECT ON identity_documents TO garant_auditor
-- next
CREATE TABLE identity_in_force (
  source text PRIMARY KEY,
  digest text NOT NULL
)
-- next
GRANT SELECT, INSERT, UPDATE ON identity_in_force TO garant_app
-- next
GRANT SELECT ON identity_in_force TO garant_auditor
-- next
CREATE TABLE person_preferences (
  person_id uuid PRIMARY KEY REFERENCES people (id),
  choices text NOT NULL DEFAULT '',
  language text NOT NULL DEFAULT ''
)
-- next
GRANT SELECT, INSERT, UPDATE ON person_preferences TO garant_app
