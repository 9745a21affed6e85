-- What server B would do to make A publish another total: drop the filter, speak in the name of A,
-- and change what A has said.
ALTER PUBLICATION messages SET TABLE message, checkpoint, total;
ALTER PUBLICATION messages SET (publish = 'insert, update, delete, truncate');
INSERT INTO message VALUES ('A', 2, gen_random_uuid(), 'forged');
UPDATE checkpoint SET messages = 0 WHERE role = 'A';
DELETE FROM message WHERE role = 'A';
DELETE FROM total WHERE role = 'A';
-- So that A can tell when all of this has arrived: a row that B may add.
INSERT INTO message VALUES ('B', 3, gen_random_uuid(), 'the end');
