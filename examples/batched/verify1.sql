-- prio verify1: the file of shares in, messages of round 1 out. The partner's file is complete, and it takes no
-- more of this batch, or nothing might be said yet.
CALL prio_processor.create_batch(:'batch', 'telemetry', n_data => :n_data, min_batch_size => :min_batch_size,
	packet_batch_id => :'packet_batch_id', checkpoints => false, if_not_exists => true);
SELECT stage = 'open' AS open FROM prio_processor.batch WHERE batch_id = :'batch' \gset
\if :open
\lo_import :file
\set object :LASTOID
CALL prio_processor.import_shares(:'batch', :object);
\lo_unlink :object
CALL prio_processor.close_batch(:'batch');
CALL prio_processor.partner_is_closed(:'batch');
\endif
CALL prio_processor.run();
SELECT prio_processor.export_messages(:'batch', 1);
