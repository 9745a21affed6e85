-- prio publish: the other server's total in, the result out.
CREATE TEMPORARY TABLE file (line text);
\copy file FROM pstdin (FORMAT csv, DELIMITER E'\x01', QUOTE E'\x02')
SELECT line FROM file \gset
CALL prio_processor.import_total(:'batch', :'line');
CALL prio_processor.run();
SELECT json_build_object('id', gen_random_uuid(), 'timestamp', published_at AT TIME ZONE 'UTC', 'payload', counts)
FROM prio_processor.result WHERE batch_id = :'batch';
