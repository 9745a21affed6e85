/* prio--1.0.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION prio" to load this file. \quit

-- configuration: Prio servers are foreign servers

CREATE FUNCTION prio_fdw_validator(options text[], catalog oid) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C STRICT PARALLEL SAFE;

COMMENT ON FUNCTION prio_fdw_validator(text[], oid) IS 'checks the options of Prio servers and of their user mappings';

CREATE FOREIGN DATA WRAPPER prio VALIDATOR prio_fdw_validator;

COMMENT ON FOREIGN DATA WRAPPER prio IS 'Prio servers: role, keys and shared secret';

-- type

CREATE TYPE prio_verifier;

CREATE FUNCTION prio_verifier_in(cstring) RETURNS prio_verifier
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION prio_verifier_out(prio_verifier) RETURNS cstring
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION prio_verifier_recv(internal) RETURNS prio_verifier
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION prio_verifier_send(prio_verifier) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE TYPE prio_verifier (
	INPUT     = prio_verifier_in,
	OUTPUT    = prio_verifier_out,
	RECEIVE   = prio_verifier_recv,
	SEND      = prio_verifier_send,
	STORAGE   = plain,
	ALIGNMENT = int4
);

COMMENT ON TYPE prio_verifier IS 'private state of one server about one packet; never send it to the other server';
COMMENT ON FUNCTION prio_verifier_in(cstring) IS 'input of type prio_verifier';
COMMENT ON FUNCTION prio_verifier_out(prio_verifier) IS 'output of type prio_verifier, without the packet''s key';
COMMENT ON FUNCTION prio_verifier_recv(internal) IS 'binary input of type prio_verifier';
COMMENT ON FUNCTION prio_verifier_send(prio_verifier) IS 'binary output of type prio_verifier, with the packet''s key';

-- keys

CREATE FUNCTION prio_keygen(OUT private_key bytea, OUT public_key bytea) RETURNS record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL SAFE COST 20000;

COMMENT ON FUNCTION prio_keygen() IS 'a fresh key pair of a server';

CREATE FUNCTION prio_shared_secret() RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL SAFE COST 100;

COMMENT ON FUNCTION prio_shared_secret() IS 'a fresh secret for the two servers to share';

-- client

CREATE FUNCTION prio_encode(public_key_a bytea, public_key_b bytea, batch_id text,
		data boolean[], prg text DEFAULT 'batch', OUT share_a bytea, OUT share_b bytea)
	RETURNS record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL SAFE COST 100000;

COMMENT ON FUNCTION prio_encode(bytea, bytea, text, boolean[], text) IS 'splits a vector of bits into two sealed shares';

CREATE FUNCTION prio_encode(public_key_a bytea, public_key_b bytea, batch_id text,
		data bit varying, prg text DEFAULT 'batch', OUT share_a bytea, OUT share_b bytea)
	RETURNS record
	AS 'MODULE_PATHNAME', 'prio_encode_varbit'
	LANGUAGE C VOLATILE STRICT PARALLEL SAFE COST 100000;

COMMENT ON FUNCTION prio_encode(bytea, bytea, text, bit varying, text) IS 'splits a vector of bits into two sealed shares';

CREATE FUNCTION prio_encode_uint(public_key_a bytea, public_key_b bytea, batch_id text,
		data bigint[], bits int, prg text DEFAULT 'batch', OUT share_a bytea, OUT share_b bytea)
	RETURNS record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL SAFE COST 100000;

COMMENT ON FUNCTION prio_encode_uint(bytea, bytea, text, bigint[], int, text) IS 'splits a vector of integers into two sealed shares';

-- verification

CREATE FUNCTION prio_verifier(server text, batch_id text, n_data int, share bytea,
		ordinal bigint DEFAULT 0)
	RETURNS prio_verifier
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5000;

COMMENT ON FUNCTION prio_verifier(text, text, int, bytea, bigint) IS 'opens a share; NULL for a malformed one';

CREATE FUNCTION prio_share_error(server text, batch_id text, n_data int, share bytea)
	RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5000;

COMMENT ON FUNCTION prio_share_error(text, text, int, bytea) IS 'why a share does not open; NULL if it does';

CREATE FUNCTION prio_fingerprint(server text, batch_id text, n_data int) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5000;

COMMENT ON FUNCTION prio_fingerprint(text, text, int) IS 'the same on both servers if they will check packets alike';

CREATE FUNCTION prio_verify1(verifier prio_verifier) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;

COMMENT ON FUNCTION prio_verify1(prio_verifier) IS 'message of round 1 to the other server';

CREATE FUNCTION prio_verify2(verifier prio_verifier, peer_verify1 bytea) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;

COMMENT ON FUNCTION prio_verify2(prio_verifier, bytea) IS 'message of round 2 to the other server; NULL if its message of round 1 is malformed';

CREATE FUNCTION prio_is_valid(verify2_a bytea, verify2_b bytea) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;

COMMENT ON FUNCTION prio_is_valid(bytea, bytea) IS 'do the messages of round 2 of both servers accept the share';

-- totals

CREATE FUNCTION prio_total_share_accum(state bytea, verifier prio_verifier, share bytea) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2000;

CREATE FUNCTION prio_merge_accum(state bytea, total bytea) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;

CREATE FUNCTION prio_total_combine(state bytea, other bytea) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;

CREATE FUNCTION prio_total_final(state bytea) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION prio_total_share_accum(bytea, prio_verifier, bytea) IS 'transition of prio_total_share()';
COMMENT ON FUNCTION prio_merge_accum(bytea, bytea) IS 'transition of prio_merge()';
COMMENT ON FUNCTION prio_total_combine(bytea, bytea) IS 'adds up the states of two workers, for both aggregates';
COMMENT ON FUNCTION prio_total_final(bytea) IS 'result of both aggregates';

CREATE AGGREGATE prio_total_share(verifier prio_verifier, share bytea) (
	SFUNC       = prio_total_share_accum,
	STYPE       = bytea,
	SSPACE      = 32768,
	FINALFUNC   = prio_total_final,
	COMBINEFUNC = prio_total_combine,
	PARALLEL    = SAFE
);

COMMENT ON AGGREGATE prio_total_share(prio_verifier, bytea) IS 'total share of one server over the shares of a batch';

CREATE AGGREGATE prio_merge(total bytea) (
	SFUNC       = prio_merge_accum,
	STYPE       = bytea,
	SSPACE      = 32768,
	FINALFUNC   = prio_total_final,
	COMBINEFUNC = prio_total_combine,
	PARALLEL    = SAFE
);

COMMENT ON AGGREGATE prio_merge(bytea) IS 'merges total shares of one server over disjoint sets of shares';

CREATE FUNCTION prio_total_share_uint(total bytea, bits int) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION prio_total_share_uint(bytea, int) IS 'total share of integers from the total share of their bits';

CREATE FUNCTION prio_publish(total_a bytea, total_b bytea) RETURNS bigint[]
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION prio_publish(bytea, bytea) IS 'the counts, from the total shares of both servers';

-- limits

CREATE FUNCTION prio_max_data() RETURNS int
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION prio_max_data() IS 'largest number of data fields of a share';

CREATE FUNCTION prio_max_uints(bits int) RETURNS int
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION prio_max_uints(int) IS 'largest number of integers of so many bits in a share';
