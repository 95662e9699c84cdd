-- A database of this release as the second schema had it: what every later migration added is taken away.
ALTER TABLE decisions DROP COLUMN votes;
ALTER TABLE decisions DROP COLUMN weights;
ALTER TABLE decisions DROP COLUMN zones;
DROP TABLE regimes;
DROP TABLE live_identity;
DROP TABLE live_epochs;
DROP TABLE operator_log;
ALTER TABLE fills DROP COLUMN deal;
DELETE FROM seaql_migrations WHERE version NOT IN ('m0001_begin', 'm0002_chain');
