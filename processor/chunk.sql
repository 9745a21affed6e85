-- What makes a batch of shares into messages and totals, chunk by chunk, in C: a chunk's private
-- state is one value ("opened"), and so is each list, each message of a round, and what both rounds
-- need of the agreed shares ("records"). src/pg/job.h says what these values hold.
--
-- Of no rows at all the aggregates are NULL, but for open_shares(). A value that is damaged, and
-- values that do not belong together, are errors (data_corrupted); what the other server sent and
-- nobody has looked at yet goes through ids_ascend() or entries_fit() first.

-- ---------------------------------------------------------------- what a server speaks

CREATE FUNCTION prio_internal.protocol(server text) RETURNS text
	AS 'MODULE_PATHNAME', 'prio_job_protocol_name'
	LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;

COMMENT ON FUNCTION prio_internal.protocol(text) IS 'what the shares of a server are: v1, Prio3 for bare shares of it, or DAP; NULL if there is none';

CREATE FUNCTION prio_internal.vdaf(server text) RETURNS text
	AS 'MODULE_PATHNAME', 'prio_job_vdaf'
	LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;

COMMENT ON FUNCTION prio_internal.vdaf(text) IS 'the VDAF of a server and its parameters, in words; NULL for Prio v1';

CREATE FUNCTION prio_internal.verify_key_digest(server text) RETURNS bytea
	AS 'MODULE_PATHNAME', 'prio_job_verify_key_digest'
	LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100;

COMMENT ON FUNCTION prio_internal.verify_key_digest(text) IS 'a digest of the verify key of a server of Prio3';

-- ---------------------------------------------------------------- shares in files

CREATE FUNCTION prio_internal.file_state(path text, OUT bytes bigint, OUT modified bigint)
	AS 'MODULE_PATHNAME', 'prio_job_file_state'
	LANGUAGE C VOLATILE STRICT COST 100;

COMMENT ON FUNCTION prio_internal.file_state(text) IS 'size of a file of shares, and the time of its last change';

CREATE FUNCTION prio_internal.file_rows(path text, bytes bigint, modified bigint)
	RETURNS TABLE (ordinal bigint, share_id uuid, "position" bigint, bytes_of_payload int, header_bytes int)
	AS 'MODULE_PATHNAME', 'prio_job_file_rows'
	LANGUAGE C VOLATILE STRICT COST 1000 ROWS 5000;

COMMENT ON FUNCTION prio_internal.file_rows(text, bigint, bigint) IS 'where the shares are in a file that has this size and time';

CREATE FUNCTION prio_internal.file_bytes(file int, "position" bigint, bytes int, longest int) RETURNS bytea
	AS 'MODULE_PATHNAME', 'prio_job_file_bytes'
	LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION prio_internal.file_bytes(int, bigint, int, int) IS 'a field of a file of shares, or the beginning of one that is too long; an error if the file is not as it was';

-- ---------------------------------------------------------------- opening

CREATE FUNCTION prio_internal.longest_share(server text, packet_batch_id text, n_data int) RETURNS int
	AS 'MODULE_PATHNAME', 'prio_job_longest_share'
	LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION prio_internal.longest_share(text, text, int) IS 'how many bytes a share may have; a longer one is refused unread';

CREATE FUNCTION prio_internal.longest_header(server text) RETURNS int
	AS 'MODULE_PATHNAME', 'prio_job_longest_header'
	LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100;

COMMENT ON FUNCTION prio_internal.longest_header(text) IS 'how many bytes a header may have; 0 where a share has none';

CREATE FUNCTION prio_internal.usual_share(server text, packet_batch_id text, n_data int) RETURNS int
	AS 'MODULE_PATHNAME', 'prio_job_usual_share'
	LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION prio_internal.usual_share(text, text, int) IS 'about how many bytes the share of an honest client has, with its header';

CREATE FUNCTION prio_internal.open_shares_add(internal, text, text, int, tstzrange, uuid, bigint, bytea, bytea, tid) RETURNS internal
	AS 'MODULE_PATHNAME', 'prio_job_open_shares_add'
	LANGUAGE C STABLE PARALLEL SAFE COST 5000;

COMMENT ON FUNCTION prio_internal.open_shares_add(internal, text, text, int, tstzrange, uuid, bigint, bytea, bytea, tid) IS 'transition of open_shares()';

CREATE FUNCTION prio_internal.open_shares_result(internal) RETURNS bytea
	AS 'MODULE_PATHNAME', 'prio_job_open_shares_result'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION prio_internal.open_shares_result(internal) IS 'result of open_shares()';

CREATE AGGREGATE prio_internal.open_shares(server text, packet_batch_id text, n_data int, report_times tstzrange, share_id uuid, ordinal bigint,
		header bytea, payload bytea, place tid) (
	SFUNC            = prio_internal.open_shares_add,
	STYPE            = internal,
	SSPACE           = 65536,
	FINALFUNC        = prio_internal.open_shares_result,
	FINALFUNC_MODIFY = READ_WRITE,
	PARALLEL         = SAFE
);

COMMENT ON AGGREGATE prio_internal.open_shares(text, text, int, tstzrange, uuid, bigint, bytea, bytea, tid) IS 'opens the shares of a chunk and adds them up; a share that does not open is counted with its reason';

CREATE FUNCTION prio_internal.open_blocks(shares regclass, first_block bigint, end_block bigint, server text, packet_batch_id text, n_data int,
		report_times tstzrange, ordinals boolean, files boolean) RETURNS bytea
	AS 'MODULE_PATHNAME', 'prio_job_open_blocks'
	LANGUAGE C STABLE COST 1000000;

COMMENT ON FUNCTION prio_internal.open_blocks(regclass, bigint, bigint, text, text, int, tstzrange, boolean, boolean) IS 'what open_shares() makes of the shares in some blocks of their table';

CREATE FUNCTION prio_internal.opened_count(opened bytea) RETURNS bigint
	AS 'MODULE_PATHNAME', 'prio_job_opened_count'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;

COMMENT ON FUNCTION prio_internal.opened_count(bytea) IS 'how many shares of a chunk opened';

CREATE FUNCTION prio_internal.opened_total(opened bytea) RETURNS bytea
	AS 'MODULE_PATHNAME', 'prio_job_opened_total'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION prio_internal.opened_total(bytea) IS 'total share over all shares of a chunk that opened; NULL if none did';

CREATE FUNCTION prio_internal.opened_rows(opened bytea) RETURNS TABLE (share_id uuid, place tid, content uuid, replay uuid, record bytea)
	AS 'MODULE_PATHNAME', 'prio_job_opened_rows'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 ROWS 5000;

COMMENT ON FUNCTION prio_internal.opened_rows(bytea) IS 'the shares of a chunk that opened: id, row, digest of the content, digest of the replay key, and what the rounds and sum_records() need';

CREATE FUNCTION prio_internal.opened_rejections(opened bytea) RETURNS TABLE (reason text, shares bigint, ids uuid[])
	AS 'MODULE_PATHNAME', 'prio_job_opened_rejections'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10 ROWS 3;

COMMENT ON FUNCTION prio_internal.opened_rejections(bytea) IS 'the shares of a chunk that did not open: how many for which reason, and up to ten of their ids';

-- ---------------------------------------------------------------- lists

CREATE FUNCTION prio_internal.list_entries(entries bytea) RETURNS TABLE (share_id uuid, content uuid, replay uuid)
	AS 'MODULE_PATHNAME', 'prio_job_list_entries'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100 ROWS 5000;

COMMENT ON FUNCTION prio_internal.list_entries(bytea) IS 'the entries of a list';

CREATE FUNCTION prio_internal.list_ids(entries bytea) RETURNS bytea
	AS 'MODULE_PATHNAME', 'prio_job_list_ids'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;

COMMENT ON FUNCTION prio_internal.list_ids(bytea) IS 'the ids of a list, 16 bytes each: what the other server sees of it';

CREATE FUNCTION prio_internal.pack_ids_add(internal, uuid) RETURNS internal
	AS 'MODULE_PATHNAME', 'prio_job_pack_ids_add'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;

COMMENT ON FUNCTION prio_internal.pack_ids_add(internal, uuid) IS 'transition of pack_ids()';

CREATE FUNCTION prio_internal.pack_ids_result(internal) RETURNS bytea
	AS 'MODULE_PATHNAME', 'prio_job_pack_ids_result'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION prio_internal.pack_ids_result(internal) IS 'result of pack_ids()';

CREATE AGGREGATE prio_internal.pack_ids(share_id uuid) (
	SFUNC            = prio_internal.pack_ids_add,
	STYPE            = internal,
	SSPACE           = 65536,
	FINALFUNC        = prio_internal.pack_ids_result,
	FINALFUNC_MODIFY = READ_WRITE,
	PARALLEL         = SAFE
);

COMMENT ON AGGREGATE prio_internal.pack_ids(uuid) IS 'ids in their order, 16 bytes each';

CREATE FUNCTION prio_internal.ids(ids bytea) RETURNS SETOF uuid
	AS 'MODULE_PATHNAME', 'prio_job_ids'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100 ROWS 5000;

COMMENT ON FUNCTION prio_internal.ids(bytea) IS 'packed ids apart';

CREATE FUNCTION prio_internal.ids_ascend(ids bytea, after uuid DEFAULT NULL) RETURNS boolean
	AS 'MODULE_PATHNAME', 'prio_job_ids_ascend'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION prio_internal.ids_ascend(bytea, uuid) IS 'are these one id or more, strictly ascending and behind this one';

CREATE FUNCTION prio_internal.last_id(ids bytea) RETURNS uuid
	AS 'MODULE_PATHNAME', 'prio_job_last_id'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;

COMMENT ON FUNCTION prio_internal.last_id(bytea) IS 'the last of packed ids';

-- ---------------------------------------------------------------- all shares of a batch, in the order of their ids

CREATE FUNCTION prio_internal.merged_list(number int, chunk_shares int) RETURNS TABLE (piece int, entries bytea)
	AS 'MODULE_PATHNAME', 'prio_job_merged_list'
	LANGUAGE C STABLE STRICT COST 1000000 ROWS 20;

COMMENT ON FUNCTION prio_internal.merged_list(int, int) IS 'the shares of a batch that opened as a list; the same one twice is one, and an id that has several is left out';

CREATE FUNCTION prio_internal.distinct_packets(number int, role text) RETURNS bigint
	AS 'MODULE_PATHNAME', 'prio_job_distinct_packets'
	LANGUAGE C STABLE STRICT COST 1000000;

COMMENT ON FUNCTION prio_internal.distinct_packets(int, text) IS 'how many packets a list has, whatever ids they are under';

CREATE FUNCTION prio_internal.merged_agreed(number int, role text, checkpoints boolean, chunk_shares int, copies bytea, replays bytea)
	RETURNS TABLE (chunk int, shares int, copies_here int, replays_here int, ids bytea, left_out bytea, kept bytea, digests bytea)
	AS 'MODULE_PATHNAME', 'prio_job_merged_agreed'
	LANGUAGE C STABLE STRICT COST 1000000 ROWS 20;

COMMENT ON FUNCTION prio_internal.merged_agreed(int, text, boolean, int, bytea, bytea) IS 'what both servers have, in chunks: which of it is left out, as packed ids say, and ids and replay digests of what is kept';

CREATE FUNCTION prio_internal.fill_work(number int, role text, checkpoints boolean, chunk_shares int) RETURNS TABLE (chunk int, ids_digest bytea)
	AS 'MODULE_PATHNAME', 'prio_job_fill_work'
	LANGUAGE C VOLATILE STRICT COST 1000000 ROWS 1000;

COMMENT ON FUNCTION prio_internal.fill_work(int, text, boolean, int) IS 'stores the records of what both servers have, in the same chunks; a digest of the ids of each';

-- ---------------------------------------------------------------- rounds

CREATE FUNCTION prio_internal.records_count(records bytea) RETURNS int
	AS 'MODULE_PATHNAME', 'prio_job_records_count'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;

COMMENT ON FUNCTION prio_internal.records_count(bytea) IS 'how many shares records are of';

CREATE FUNCTION prio_internal.round1(records bytea, left_out bytea) RETURNS bytea
	AS 'MODULE_PATHNAME', 'prio_job_round1'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10000;

COMMENT ON FUNCTION prio_internal.round1(bytea, bytea) IS 'messages of round 1; empty entries for what is left out';

CREATE FUNCTION prio_internal.round2(server text, records bytea, left_out bytea, own1 bytea, peer1 bytea) RETURNS bytea
	AS 'MODULE_PATHNAME', 'prio_job_round2'
	LANGUAGE C STABLE PARALLEL SAFE COST 10000;

COMMENT ON FUNCTION prio_internal.round2(text, bytea, bytea, bytea, bytea) IS 'messages of round 2, from those of round 1; empty entries for what is left out here or there, or malformed';

CREATE FUNCTION prio_internal.verdicts(server text, left_out bytea, own2 bytea, peer2 bytea) RETURNS bytea
	AS 'MODULE_PATHNAME', 'prio_job_verdicts'
	LANGUAGE C STABLE PARALLEL SAFE COST 10000;

COMMENT ON FUNCTION prio_internal.verdicts(text, bytea, bytea, bytea) IS 'a byte a share: 0 valid, 1 left out here, 2 left out or refused by the other server, 3 the proof does not hold';

CREATE FUNCTION prio_internal.verdict_counts(verdicts bytea) RETURNS int[]
	AS 'MODULE_PATHNAME', 'prio_job_verdict_counts'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;

COMMENT ON FUNCTION prio_internal.verdict_counts(bytea) IS 'how many shares have which of the four verdicts';

CREATE FUNCTION prio_internal.valid_places(records bytea, verdicts bytea) RETURNS TABLE (share_id uuid, place tid)
	AS 'MODULE_PATHNAME', 'prio_job_valid_places'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100 ROWS 5000;

COMMENT ON FUNCTION prio_internal.valid_places(bytea, bytea) IS 'the shares that are valid, and their rows';

CREATE FUNCTION prio_internal.sum_records_add(internal, text, int, uuid, bytea, bytea, bytea) RETURNS internal
	AS 'MODULE_PATHNAME', 'prio_job_sum_records_add'
	LANGUAGE C STABLE PARALLEL SAFE COST 2000;

COMMENT ON FUNCTION prio_internal.sum_records_add(internal, text, int, uuid, bytea, bytea, bytea) IS 'transition of sum_records()';

CREATE FUNCTION prio_internal.sum_records_result(internal) RETURNS bytea
	AS 'MODULE_PATHNAME', 'prio_job_sum_records_result'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION prio_internal.sum_records_result(internal) IS 'result of sum_records()';

CREATE AGGREGATE prio_internal.sum_records(server text, n_data int, share_id uuid, record bytea, header bytea, payload bytea) (
	SFUNC            = prio_internal.sum_records_add,
	STYPE            = internal,
	SSPACE           = 65536,
	FINALFUNC        = prio_internal.sum_records_result,
	FINALFUNC_MODIFY = READ_WRITE,
	PARALLEL         = SAFE
);

COMMENT ON AGGREGATE prio_internal.sum_records(text, int, uuid, bytea, bytea, bytea) IS 'total share over shares that are opened again, each checked against its record';

-- ---------------------------------------------------------------- messages

CREATE FUNCTION prio_internal.entries_fit(message bytea, count int, longest int) RETURNS boolean
	AS 'MODULE_PATHNAME', 'prio_job_entries_fit'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION prio_internal.entries_fit(bytea, count int, longest int) IS 'is this a packed message of so many entries, none longer than this';

CREATE FUNCTION prio_internal.longest_entry(server text, n_data int, round int) RETURNS int
	AS 'MODULE_PATHNAME', 'prio_job_longest_entry'
	LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION prio_internal.longest_entry(text, n_data int, round int) IS 'how many bytes an entry of a round may have; of round 3, the total share';

CREATE FUNCTION prio_internal.message_entries(message bytea) RETURNS TABLE (number int, payload bytea)
	AS 'MODULE_PATHNAME', 'prio_job_message_entries'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100 ROWS 5000;

COMMENT ON FUNCTION prio_internal.message_entries(bytea) IS 'the entries of a packed message, from 0; NULL for an empty one';

CREATE FUNCTION prio_internal.pack_entries_add(internal, int, bytea) RETURNS internal
	AS 'MODULE_PATHNAME', 'prio_job_pack_entries_add'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;

COMMENT ON FUNCTION prio_internal.pack_entries_add(internal, int, bytea) IS 'transition of pack_entries()';

CREATE FUNCTION prio_internal.pack_entries_result(internal) RETURNS bytea
	AS 'MODULE_PATHNAME', 'prio_job_pack_entries_result'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION prio_internal.pack_entries_result(internal) IS 'result of pack_entries()';

CREATE AGGREGATE prio_internal.pack_entries(number int, payload bytea) (
	SFUNC            = prio_internal.pack_entries_add,
	STYPE            = internal,
	SSPACE           = 65536,
	FINALFUNC        = prio_internal.pack_entries_result,
	FINALFUNC_MODIFY = READ_WRITE,
	PARALLEL         = SAFE
);

COMMENT ON AGGREGATE prio_internal.pack_entries(int, bytea) IS 'a packed message, from its entries 0 to k - 1; NULL for an empty one';

CREATE FUNCTION prio_internal.decoy(server text, round int) RETURNS bytea
	AS 'MODULE_PATHNAME', 'prio_job_decoy'
	LANGUAGE C VOLATILE STRICT PARALLEL SAFE COST 100;

COMMENT ON FUNCTION prio_internal.decoy(text, round int) IS 'a message of a round about nothing, for a partner that takes no empty ones';
