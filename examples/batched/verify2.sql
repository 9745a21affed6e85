-- prio verify2: the other server's messages of round 1 in, messages of round 2 out.
\lo_import :file
CALL prio_processor.import_messages(:'batch', 1, :LASTOID);
\lo_unlink :LASTOID
CALL prio_processor.run();
SELECT prio_processor.export_messages(:'batch', 2);
