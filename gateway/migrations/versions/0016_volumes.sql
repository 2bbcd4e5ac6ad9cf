CREATE TABLE impact_volumes (
  task text NOT NULL,
  month text NOT NULL CHECK (month ~ '^[0-9]{4}-[0-9]{2}$'),
  site text NOT NULL,
  profession text NOT NULL,
  stratum text NOT NULL,
  n bigint NOT NULL CHECK (n >= 0),
  added_minutes double precision NOT NULL CHECK (added_minutes >= 0),
  source text NOT NULL,
  entry uuid NOT NULL,
  PRIMARY KEY (task, month, site, profession, stratum)
)
-- next
CREATE TABLE volumes_given (
  entry uuid PRIMARY KEY,
  rows jsonb NOT NULL
)
-- next
GRANT SELECT, INSERT ON volumes_given TO garant_app
-- next
GRANT SELECT, INSERT, UPDATE, DELETE ON impact_volumes TO garant_app
-- next
GRANT SELECT ON impact_volumes, volumes_given TO garant_auditor
