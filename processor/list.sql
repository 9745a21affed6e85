-- ---------------------------------------------------------------- the list

CREATE FUNCTION prio_internal.listed(number int, role text, OUT share_id uuid, OUT content uuid, OUT replay uuid)
	RETURNS SETOF record LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT e.share_id, e.content, e.replay FROM prio_internal.list AS l, LATERAL prio_internal.list_entries(l.entries) AS e
	WHERE l.number = listed.number AND l.role = listed.role OFFSET 0;
END;

COMMENT ON FUNCTION prio_internal.listed(int, text) IS 'the list of this side, whose role is given';

-- What the digest of a list is over: its ids, piece by piece.
CREATE FUNCTION prio_internal.digest_of_list(number int, role text, own boolean) RETURNS bytea LANGUAGE sql STABLE
	RETURN (SELECT sha256(coalesce(string_agg(sha256(CASE WHEN own THEN prio_internal.list_ids(l.entries) ELSE l.entries END), ''::bytea ORDER BY l.piece), ''))
		FROM prio_internal.list AS l WHERE l.number = digest_of_list.number AND l.role = digest_of_list.role);

COMMENT ON FUNCTION prio_internal.digest_of_list(int, text, boolean) IS 'SHA-256 over the list of one side';

CREATE FUNCTION prio_internal.reject(number int, stage prio_processor.stage, reason text, shares bigint, ids uuid[] DEFAULT NULL) RETURNS void LANGUAGE sql
BEGIN ATOMIC
	INSERT INTO prio_internal.rejection AS r (number, stage, reason, shares, ids)
	SELECT reject.number, reject.stage, reject.reason, reject.shares, reject.ids WHERE reject.shares > 0
	ON CONFLICT (number, stage, reason) DO UPDATE SET shares = excluded.shares, ids = excluded.ids;
END;

COMMENT ON FUNCTION prio_internal.reject(int, prio_processor.stage, text, bigint, uuid[]) IS 'notes how many shares fell out, and why';

-- The list is the batch: what opens to something else later is late. The same packet twice under
-- one id is one; an id with several packets is not in it, since nobody can tell which the other side has.
-- Sorted where ids are counted: a hash table with an entry an id would not fit into memory.
CREATE FUNCTION prio_internal.make_list(b prio_processor.batch) RETURNS void LANGUAGE plpgsql SET enable_hashagg = off AS $$
DECLARE
	rows bigint;
	ids bigint;
	several bigint := 0::bigint;
	examples uuid[];
BEGIN
	WITH kept AS (
		INSERT INTO prio_internal.list AS x (number, role, piece, entries)
		SELECT b.number, b.role, m.piece, m.entries FROM prio_internal.merged_list(b.number, b.chunk_shares) AS m
		RETURNING octet_length(x.entries) / 48 AS ids
	)
	SELECT coalesce(sum(k.ids), 0)::bigint INTO ids FROM kept AS k;
	rows := (SELECT coalesce(sum(o.shares), 0)::bigint FROM prio_internal.opened AS o WHERE o.number = b.number);
	IF rows > ids THEN
		SELECT coalesce(sum(i.rows), 0)::bigint, (array_agg(i.share_id))[:10] INTO several, examples
		FROM (SELECT o.share_id, count(*) AS rows FROM prio_internal.opened_shares(b.number) AS o GROUP BY o.share_id
			HAVING count(DISTINCT o.content) > 1) AS i;
	END IF;

	PERFORM prio_internal.reject(b.number, 'close', c.reason, c.shares, c.ids)
	FROM (WITH rejected AS MATERIALIZED (
			SELECT r.reason, r.shares, r.ids FROM prio_internal.opened AS o, LATERAL prio_internal.opened_rejections(o.opened) AS r WHERE o.number = b.number)
		SELECT r.reason, sum(r.shares)::bigint AS shares,
			(SELECT (array_agg(i))[:10] FROM rejected AS x, LATERAL unnest(x.ids) AS i WHERE x.reason = r.reason) AS ids
		FROM rejected AS r GROUP BY r.reason OFFSET 0) AS c;
	PERFORM prio_internal.reject(b.number, 'list', 'several packets under one id', several, examples),
		prio_internal.reject(b.number, 'list', 'the same packet again under its id', rows - ids - several);

	UPDATE prio_processor.batch AS x
	SET listed = ids, list_digest = prio_internal.digest_of_list(b.number, b.role, true),
		packets = prio_internal.distinct_packets(b.number, b.role)
	WHERE x.number = b.number;
	PERFORM prio_internal.enter_stage(b, 'agree', ids);
END $$;

COMMENT ON FUNCTION prio_internal.make_list(prio_processor.batch) IS 'fixes which shares a batch has';
