-- what is pulled from the other server

CREATE FUNCTION prio_internal.peer_validator(options text[], catalog oid) RETURNS void
	AS 'MODULE_PATHNAME', 'prio_peer_validator' LANGUAGE C STRICT PARALLEL SAFE;

COMMENT ON FUNCTION prio_internal.peer_validator(text[], oid) IS 'checks the options of the way to another server''s database and of its user mappings';

CREATE FOREIGN DATA WRAPPER prio_peer VALIDATOR prio_internal.peer_validator;

COMMENT ON FOREIGN DATA WRAPPER prio_peer IS 'the way to the database of the other server of a pair: libpq''s connection options';

-- Connects as the foreign server and the user mapping of the current user say, and runs one query there. The
-- connection is kept for the next one, until the client's statement ends or a query fails. Each row is an
-- array with the bytes of its columns in binary format.
CREATE FUNCTION prio_internal.pull(peer_server name, query text, parameters text[], max_bytes bigint, deadline interval)
	RETURNS SETOF bytea[]
	AS 'MODULE_PATHNAME', 'prio_pull' LANGUAGE C VOLATILE STRICT COST 1000000 ROWS 1000;

REVOKE ALL ON FUNCTION prio_internal.pull(name, text, text[], bigint, interval) FROM PUBLIC;

COMMENT ON FUNCTION prio_internal.pull(name, text, text[], bigint, interval) IS 'rows of a query in the database of the other server, columns in binary format';

CREATE FUNCTION prio_internal.peer_text(value bytea, max_chars int) RETURNS text
	AS 'MODULE_PATHNAME', 'prio_job_peer_text' LANGUAGE C STABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION prio_internal.peer_text(bytea, int) IS 'text that another server sent, with blanks for control characters; NULL if it is none, too long, or not for this database''s encoding';

CREATE FUNCTION prio_internal.peer_bigint(value bytea) RETURNS bigint
	AS 'MODULE_PATHNAME', 'prio_job_peer_bigint' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION prio_internal.peer_bigint(bytea) IS 'a number that another server sent in decimal digits; NULL if it is none';

-- what this database is, and what its transactions promise

CREATE FUNCTION prio_internal.identity(OUT system_identifier bigint, OUT database oid, OUT timeline int) RETURNS record
	AS 'MODULE_PATHNAME', 'prio_job_identity' LANGUAGE C STABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION prio_internal.identity() IS 'which database this is: what a copy of it or a restored one does not have in common with it';

CREATE FUNCTION prio_internal.commit_synchronously() RETURNS void
	AS 'MODULE_PATHNAME', 'prio_job_commit_synchronously' LANGUAGE C VOLATILE STRICT;

COMMENT ON FUNCTION prio_internal.commit_synchronously() IS 'the transaction at hand commits as with synchronous_commit = on, whatever the setting';
