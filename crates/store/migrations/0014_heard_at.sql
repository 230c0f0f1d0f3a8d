-- When the last event about a waiting subject came: however late its look, what it tells of is not younger.

ALTER TABLE work ADD COLUMN heard_at BIGINT;
