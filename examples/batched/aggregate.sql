-- prio aggregate: the other server's messages of round 2 in, the total of this one out.
\lo_import :file
\set object :LASTOID
CALL prio_processor.import_messages(:'batch', 2, :object);
\lo_unlink :object
CALL prio_processor.run();
SELECT prio_processor.export_total(:'batch');
