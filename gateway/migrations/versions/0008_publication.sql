CREATE TABLE log_nodes (
  establishment text NOT NULL,
  level smallint NOT NULL,
  index bigint NOT NULL,
  hash bytea NOT NULL,
  PRIMARY KEY (establishment, level, index)
)
-- next
CREATE TABLE cosignatures (
  establishment text NOT NULL,
  size bigint NOT NULL,
  witness text NOT NULL,
  line text NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (establishment, size, witness)
)
-- next
CREATE TABLE timestamps (
  establishment text NOT NULL,
  size bigint NOT NULL,
  authority text NOT NULL,
  token bytea NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (establishment, size, authority)
)
-- next
CREATE TABLE publications (
  establishment text NOT NULL,
  place text NOT NULL,
  size bigint NOT NULL DEFAULT 0,
  at timestamptz,
  tried_at timestamptz NOT NULL,
  problem text NOT NULL DEFAULT '',
  PRIMARY KEY (establishment, place)
)
-- next
CREATE TRIGGER log_nodes_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log_nodes
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
-- next
ALTER TABLE log_nodes ENABLE ALWAYS TRIGGER log_nodes_append_only
-- next
GRANT SELECT, INSERT ON log_nodes, cosignatures, timestamps TO garant_app
-- next
GRANT SELECT, INSERT, UPDATE ON publications TO garant_app
-- next
GRANT SELECT ON log_nodes, cosignatures, timestamps, publications TO garant_auditor
