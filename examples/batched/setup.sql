-- Server A, once: the keys stay in their files, which PostgreSQL's operating system user alone
-- can read. The other server is reached through files, so there is no way to its database.
CREATE EXTENSION prio_processor;
CREATE SERVER telemetry FOREIGN DATA WRAPPER prio OPTIONS (role 'A', public_key :'public_key');
CREATE USER MAPPING FOR PUBLIC SERVER telemetry
	OPTIONS (private_key_file :'private_key_file', shared_secret_file :'shared_secret_file');
CALL prio_processor.join_peer('telemetry', :'peer_public_key');
