-- prio publish: the other server's total in, the result out.
\set line `cat "$FILE"`
CALL prio_processor.import_total(:'batch', :'line');
CALL prio_processor.run();
SELECT json_build_object('id', gen_random_uuid(), 'timestamp', published_at AT TIME ZONE 'UTC', 'payload', counts)
FROM prio_processor.result WHERE batch_id = :'batch';
