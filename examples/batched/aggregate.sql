-- prio aggregate: the other server's messages of round 2 in, the total of this one out.
CREATE TEMPORARY TABLE file (line text);
\copy file FROM pstdin (FORMAT csv, DELIMITER E'\x01', QUOTE E'\x02')
CALL prio_processor.import_messages(:'batch', 2, 'file');
CALL prio_processor.run();
SELECT prio_processor.export_total(:'batch');
