/* prio--1.0.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION prio" to load this file. \quit

-- configuration: Prio servers are foreign servers

CREATE FUNCTION prio_fdw_validator(options text[], catalog oid) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C STRICT PARALLEL SAFE;

COMMENT ON FUNCTION prio_fdw_validator(text[], oid) IS 'checks the options of Prio servers and of their user mappings';

CREATE FOREIGN DATA WRAPPER prio VALIDATOR prio_fdw_validator;

COMMENT ON FOREIGN DATA WRAPPER prio IS 'Prio servers: role, protocol, keys and secrets';

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

CREATE FUNCTION prio_replay_key(share bytea) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION prio_replay_key(bytea) IS 'what is the same for every copy of a share; NULL for what is too short';

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

CREATE FUNCTION prio_subtract(total bytea, part bytea) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION prio_subtract(bytea, bytea) IS 'total share of one server without that of a subset of its shares';

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

CREATE FUNCTION prio_is_forgeable(n_data int) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION prio_is_forgeable(int) IS 'can a client forge the proof of a share with so many data fields';

-- Prio3

CREATE TYPE prio3_verify_state;

CREATE FUNCTION prio3_verify_state_in(cstring) RETURNS prio3_verify_state
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION prio3_verify_state_out(prio3_verify_state) RETURNS cstring
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION prio3_verify_state_recv(internal) RETURNS prio3_verify_state
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION prio3_verify_state_send(prio3_verify_state) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE TYPE prio3_verify_state (
	INPUT     = prio3_verify_state_in,
	OUTPUT    = prio3_verify_state_out,
	RECEIVE   = prio3_verify_state_recv,
	SEND      = prio3_verify_state_send,
	STORAGE   = external,
	ALIGNMENT = int4
);

COMMENT ON TYPE prio3_verify_state IS 'private state of one server about one report; never send it to the other server';
COMMENT ON FUNCTION prio3_verify_state_in(cstring) IS 'input of type prio3_verify_state';
COMMENT ON FUNCTION prio3_verify_state_out(prio3_verify_state) IS 'output of type prio3_verify_state, without its secret';
COMMENT ON FUNCTION prio3_verify_state_recv(internal) IS 'binary input of type prio3_verify_state';
COMMENT ON FUNCTION prio3_verify_state_send(prio3_verify_state) IS 'binary output of type prio3_verify_state, with its secret';

CREATE FUNCTION prio3_verify_key() RETURNS bytea
	AS 'MODULE_PATHNAME', 'prio3_sql_verify_key' LANGUAGE C VOLATILE STRICT PARALLEL SAFE COST 100;

COMMENT ON FUNCTION prio3_verify_key() IS 'a fresh verify key for the two servers to share';

CREATE FUNCTION prio3_chunk_length(elements int) RETURNS int
	AS 'MODULE_PATHNAME', 'prio3_sql_chunk_length' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION prio3_chunk_length(int) IS 'the chunk length that makes shares of so many elements smallest';

CREATE FUNCTION prio3_fingerprint(server text) RETURNS bytea
	AS 'MODULE_PATHNAME', 'prio3_sql_fingerprint' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100;

COMMENT ON FUNCTION prio3_fingerprint(text) IS 'the same on both servers if they verify alike';

-- not strict: a nonce may be left out
CREATE FUNCTION prio3_shard(server text, measurement bigint, nonce bytea DEFAULT NULL,
		OUT nonce bytea, OUT public_share bytea, OUT share_a bytea, OUT share_b bytea)
	RETURNS record
	AS 'MODULE_PATHNAME', 'prio3_sql_shard_bigint' LANGUAGE C VOLATILE PARALLEL SAFE COST 5000;

COMMENT ON FUNCTION prio3_shard(text, bigint, bytea) IS 'splits a measurement of Prio3Count, Prio3Sum or Prio3Histogram into two shares';

CREATE FUNCTION prio3_shard(server text, measurement bigint[], nonce bytea DEFAULT NULL,
		OUT nonce bytea, OUT public_share bytea, OUT share_a bytea, OUT share_b bytea)
	RETURNS record
	AS 'MODULE_PATHNAME', 'prio3_sql_shard_bigints' LANGUAGE C VOLATILE PARALLEL SAFE COST 20000;

COMMENT ON FUNCTION prio3_shard(text, bigint[], bytea) IS 'splits a measurement of Prio3SumVec or Prio3L1BoundSum into two shares';

CREATE FUNCTION prio3_shard(server text, measurement boolean[], nonce bytea DEFAULT NULL,
		OUT nonce bytea, OUT public_share bytea, OUT share_a bytea, OUT share_b bytea)
	RETURNS record
	AS 'MODULE_PATHNAME', 'prio3_sql_shard_booleans' LANGUAGE C VOLATILE PARALLEL SAFE COST 20000;

COMMENT ON FUNCTION prio3_shard(text, boolean[], bytea) IS 'splits a measurement of Prio3MultihotCountVec into two shares';

CREATE FUNCTION prio3_verify_init(server text, nonce bytea, public_share bytea, share bytea)
	RETURNS prio3_verify_state
	AS 'MODULE_PATHNAME', 'prio3_sql_verify_init' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 2000;

COMMENT ON FUNCTION prio3_verify_init(text, bytea, bytea, bytea) IS 'begins to verify a report; NULL for a malformed one';

CREATE FUNCTION prio3_share_error(server text, nonce bytea, public_share bytea, share bytea)
	RETURNS text
	AS 'MODULE_PATHNAME', 'prio3_sql_share_error' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 2000;

COMMENT ON FUNCTION prio3_share_error(text, bytea, bytea, bytea) IS 'why a report is malformed; NULL if it is not';

CREATE FUNCTION prio3_verifier_share(state prio3_verify_state) RETURNS bytea
	AS 'MODULE_PATHNAME', 'prio3_sql_verifier_share' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;

COMMENT ON FUNCTION prio3_verifier_share(prio3_verify_state) IS 'verifier share, the message to the other server';

CREATE FUNCTION prio3_verifier_message(server text, verifier_share_a bytea, verifier_share_b bytea)
	RETURNS bytea
	AS 'MODULE_PATHNAME', 'prio3_sql_verifier_message' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100;

COMMENT ON FUNCTION prio3_verifier_message(text, bytea, bytea) IS 'verifier message from both verifier shares; NULL if the proof does not hold';

CREATE FUNCTION prio3_verify_next(state prio3_verify_state, message bytea) RETURNS bytea
	AS 'MODULE_PATHNAME', 'prio3_sql_verify_next' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 500;

COMMENT ON FUNCTION prio3_verify_next(prio3_verify_state, bytea) IS 'output share; NULL if the joint randomness does not fit';

CREATE FUNCTION prio3_agg_share_accum(aggregate bytea, state prio3_verify_state, message bytea)
	RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 500;

CREATE FUNCTION prio3_merge_accum(aggregate bytea, server text, agg_share bytea) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 100;

CREATE FUNCTION prio3_aggregate_combine(aggregate bytea, other bytea) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 500;

CREATE FUNCTION prio3_aggregate_final(aggregate bytea) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 500;

COMMENT ON FUNCTION prio3_agg_share_accum(bytea, prio3_verify_state, bytea) IS 'transition of prio3_agg_share()';
COMMENT ON FUNCTION prio3_merge_accum(bytea, text, bytea) IS 'transition of prio3_merge()';
COMMENT ON FUNCTION prio3_aggregate_combine(bytea, bytea) IS 'adds up the states of two workers, for both aggregates of Prio3';
COMMENT ON FUNCTION prio3_aggregate_final(bytea) IS 'result of both aggregates of Prio3';

CREATE AGGREGATE prio3_agg_share(state prio3_verify_state, message bytea) (
	SFUNC       = prio3_agg_share_accum,
	STYPE       = bytea,
	SSPACE      = 32768,
	FINALFUNC   = prio3_aggregate_final,
	COMBINEFUNC = prio3_aggregate_combine,
	PARALLEL    = SAFE
);

COMMENT ON AGGREGATE prio3_agg_share(prio3_verify_state, bytea) IS 'aggregate share of one server over the reports that it accepts';

CREATE AGGREGATE prio3_merge(server text, agg_share bytea) (
	SFUNC       = prio3_merge_accum,
	STYPE       = bytea,
	SSPACE      = 32768,
	FINALFUNC   = prio3_aggregate_final,
	COMBINEFUNC = prio3_aggregate_combine,
	PARALLEL    = SAFE
);

COMMENT ON AGGREGATE prio3_merge(text, bytea) IS 'merges aggregate shares of one server over disjoint sets of reports';

CREATE FUNCTION prio3_subtract(server text, agg_share bytea, part bytea) RETURNS bytea
	AS 'MODULE_PATHNAME', 'prio3_sql_subtract' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100;

COMMENT ON FUNCTION prio3_subtract(text, bytea, bytea) IS 'takes the aggregate share of some reports out of that of more';

CREATE FUNCTION prio3_unshard(server text, agg_share_a bytea, agg_share_b bytea, reports bigint)
	RETURNS numeric[]
	AS 'MODULE_PATHNAME', 'prio3_sql_unshard' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION prio3_unshard(text, bytea, bytea, bigint) IS 'the result, from the aggregate shares of both servers';

-- reports of DAP

CREATE FUNCTION dap_keygen(OUT private_key bytea, OUT public_key bytea) RETURNS record
	AS 'MODULE_PATHNAME', 'prio_keygen' LANGUAGE C VOLATILE STRICT PARALLEL SAFE COST 20000;

COMMENT ON FUNCTION dap_keygen() IS 'a fresh HPKE key pair of a server';

CREATE FUNCTION dap_report(server_a text, server_b text, measurement bigint, report_time timestamptz)
	RETURNS bytea
	AS 'MODULE_PATHNAME', 'dap_report_bigint' LANGUAGE C VOLATILE STRICT PARALLEL SAFE COST 50000;

COMMENT ON FUNCTION dap_report(text, text, bigint, timestamptz) IS 'a report with a measurement of Prio3Count, Prio3Sum or Prio3Histogram';

CREATE FUNCTION dap_report(server_a text, server_b text, measurement bigint[], report_time timestamptz)
	RETURNS bytea
	AS 'MODULE_PATHNAME', 'dap_report_bigints' LANGUAGE C VOLATILE STRICT PARALLEL SAFE COST 50000;

COMMENT ON FUNCTION dap_report(text, text, bigint[], timestamptz) IS 'a report with a measurement of Prio3SumVec or Prio3L1BoundSum';

CREATE FUNCTION dap_report(server_a text, server_b text, measurement boolean[], report_time timestamptz)
	RETURNS bytea
	AS 'MODULE_PATHNAME', 'dap_report_booleans' LANGUAGE C VOLATILE STRICT PARALLEL SAFE COST 50000;

COMMENT ON FUNCTION dap_report(text, text, boolean[], timestamptz) IS 'a report with a measurement of Prio3MultihotCountVec';

CREATE FUNCTION dap_split(server text, report bytea, OUT report_id uuid, OUT report_time timestamptz,
		OUT header bytea, OUT share_a bytea, OUT share_b bytea)
	RETURNS record
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100;

COMMENT ON FUNCTION dap_split(text, bytea) IS 'takes a report apart; NULLs if it is none';

CREATE FUNCTION dap_verify_init(server text, header bytea, share bytea) RETURNS prio3_verify_state
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5000;

COMMENT ON FUNCTION dap_verify_init(text, bytea, bytea) IS 'opens a sealed share and begins to verify its report; NULL for a malformed one';

CREATE FUNCTION dap_share_error(server text, header bytea, share bytea) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5000;

COMMENT ON FUNCTION dap_share_error(text, bytea, bytea) IS 'why a sealed share is refused; NULL if it is not';
