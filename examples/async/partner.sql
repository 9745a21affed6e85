-- The other server logs in as this role, and may drop its messages here. It cannot read anything.
CREATE ROLE partner LOGIN;
GRANT INSERT ON peer_message, peer_checkpoint, peer_total TO partner;

-- And this is how we drop ours there. The psql variable peer is the connection service.
CREATE EXTENSION postgres_fdw;
CREATE SERVER partner FOREIGN DATA WRAPPER postgres_fdw OPTIONS (service :'peer', batch_size '100');
CREATE USER MAPPING FOR CURRENT_USER SERVER partner OPTIONS (user 'partner');
CREATE SCHEMA partner;
CREATE FOREIGN TABLE partner.message (round int, id uuid, payload bytea) SERVER partner
	OPTIONS (schema_name 'public', table_name 'peer_message');
CREATE FOREIGN TABLE partner.checkpoint (round int, messages bigint) SERVER partner
	OPTIONS (schema_name 'public', table_name 'peer_checkpoint');
CREATE FOREIGN TABLE partner.total (total bytea, clients bigint) SERVER partner
	OPTIONS (schema_name 'public', table_name 'peer_total');
