-- A database of this release as the first schema had it: what every later migration added is taken away.
ALTER TABLE decisions DROP COLUMN link;
ALTER TABLE evidence DROP COLUMN link;
ALTER TABLE policy_events DROP COLUMN link;
ALTER TABLE engine_state DROP COLUMN decisions_count;
ALTER TABLE engine_state DROP COLUMN decisions_head;
ALTER TABLE engine_state DROP COLUMN log_count;
ALTER TABLE engine_state DROP COLUMN log_head;
ALTER TABLE decisions DROP COLUMN votes;
ALTER TABLE decisions DROP COLUMN weights;
ALTER TABLE decisions DROP COLUMN zones;
DROP TABLE regimes;
DROP TABLE live_identity;
DROP TABLE live_epochs;
DROP TABLE operator_log;
ALTER TABLE fills DROP COLUMN deal;
DELETE FROM seaql_migrations WHERE version <> 'm0001_begin';
