-- Server A, server B: the role that the collector has. It may send shares, and nothing else. Whatever clients do leaves
-- nothing of theirs in the log, no session of it lasts, and it cannot take all connections.
CREATE ROLE collector LOGIN CONNECTION LIMIT 10 IN ROLE prio_ingest;
ALTER ROLE collector SET log_min_messages = fatal;
ALTER ROLE collector SET log_statement = none;
ALTER ROLE collector SET statement_timeout = '5s';
