-- prio verify1: the file of shares in, messages of round 1 out.
CALL prio_processor.create_batch(:'batch', 'telemetry', n_data => :n_data,
	min_batch_size => :min_batch_size, ordinals => true, checkpoints => false);
CREATE TEMPORARY TABLE file (line text);
\copy file FROM pstdin (FORMAT csv, DELIMITER E'\x01', QUOTE E'\x02')
CALL prio_processor.import_shares(:'batch', 'file');
CALL prio_processor.close_batch(:'batch');
CALL prio_processor.run();
SELECT prio_processor.export_messages(:'batch', 1);
