-- Server A, server B: one batch for each part of the list.
CALL prio_processor.create_batch(:'batch', 'telemetry', n_data => :n_data, min_batch_size => 100);
