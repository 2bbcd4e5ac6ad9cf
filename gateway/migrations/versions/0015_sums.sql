CREATE TABLE usage_sums (
  establishment text NOT NULL,
  form text NOT NULL,
  after bigint NOT NULL,
  last bigint NOT NULL CHECK (last > after),
  sums bytea NOT NULL,
  PRIMARY KEY (establishment, form, after)
)
-- next
ALTER TABLE usage_sums ALTER COLUMN sums SET STORAGE EXTERNAL
-- next
GRANT SELECT, INSERT, DELETE ON usage_sums TO garant_app
-- next
GRANT SELECT ON usage_sums TO garant_auditor
