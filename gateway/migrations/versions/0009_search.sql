CREATE TABLE log_search (
  establishment text NOT NULL,
  index bigint NOT NULL,
  at timestamptz NOT NULL,
  type text NOT NULL,
  case_id uuid,
  suggestion_id uuid,
  task text NOT NULL,
  actor text NOT NULL,
  role text NOT NULL,
  system text NOT NULL,
  version text NOT NULL,
  decision text NOT NULL,
  reason text NOT NULL,
  PRIMARY KEY (establishment, index)
)
-- next
CREATE INDEX log_search_by_case ON log_search (case_id, index) WHERE case_id IS NOT NULL
-- next
CREATE INDEX log_search_by_actor ON log_search (establishment, actor, index)
-- next
CREATE INDEX log_search_by_type ON log_search (establishment, type, index)
-- next
CREATE INDEX log_search_by_task ON log_search (establishment, task, index)
-- next
CREATE INDEX log_search_by_system ON log_search (establishment, system, version, index)
-- next
CREATE INDEX log_search_by_decision ON log_search (establishment, decision, index) WHERE decision <> ''
-- next
CREATE INDEX log_search_by_reason ON log_search (establishment, reason, index) WHERE reason <> ''
-- next
CREATE INDEX log_search_by_time ON log_search (establishment, at)
-- next
CREATE TABLE log_counts (
  establishment text NOT NULL,
  day date NOT NULL,
  type text NOT NULL,
  task text NOT NULL,
  role text NOT NULL,
  system text NOT NULL,
  version text NOT NULL,
  decision text NOT NULL,
  reason text NOT NULL,
  n bigint NOT NULL,
  PRIMARY KEY (establishment, day, type, task, role, system, version, decision, reason)
)
-- next
GRANT SELECT, INSERT ON log_search TO garant_app
-- next
GRANT SELECT, INSERT, UPDATE ON log_counts TO garant_app
-- next
GRANT SELECT ON log_search, log_counts TO garant_auditor
