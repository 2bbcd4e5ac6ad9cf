ALTER TABLE suggestions ADD COLUMN held_out boolean NOT NULL DEFAULT false
