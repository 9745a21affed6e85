-- Server A, server B: the batch of the day.
CALL prio_processor.create_batch(:'batch', 'survey', n_data => 8, min_batch_size => 50);
