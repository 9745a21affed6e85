-- prio aggregate: the other server's messages of round 2 in, the total of this one out.
\lo_import :file
CALL prio_processor.import_messages(:'batch', 2, :LASTOID);
\lo_unlink :LASTOID
CALL prio_processor.run();
SELECT prio_processor.export_total(:'batch');
