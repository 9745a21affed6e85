-- prio verify2: the other server's messages of round 1 in, messages of round 2 out.
\lo_import :file
\set object :LASTOID
CALL prio_processor.import_messages(:'batch', 1, :object);
\lo_unlink :object
CALL prio_processor.run();
SELECT prio_processor.export_messages(:'batch', 2);
