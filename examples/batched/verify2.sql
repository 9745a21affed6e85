-- prio verify2: the other server's messages of round 1 in, messages of round 2 out.
CREATE TEMPORARY TABLE file (line text);
\copy file FROM pstdin (FORMAT csv, DELIMITER E'\x01', QUOTE E'\x02')
CALL prio_processor.import_messages(:'batch', 1, 'file');
CALL prio_processor.run();
SELECT prio_processor.export_messages(:'batch', 2);
