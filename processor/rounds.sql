-- ---------------------------------------------------------------- the two rounds

CREATE FUNCTION prio_internal.said(number int, role text, round int, chunk int) RETURNS bytea LANGUAGE sql STABLE
	RETURN (SELECT m.payload FROM prio_internal.message AS m
		WHERE m.number = said.number AND m.role = said.role AND m.round = said.round AND m.chunk = said.chunk);

COMMENT ON FUNCTION prio_internal.said(int, text, int, int) IS 'what a side said about a chunk in a round; NULL if nothing';

CREATE FUNCTION prio_internal.said_count(number int, role text, round int) RETURNS int LANGUAGE sql STABLE
	RETURN (SELECT count(*)::int FROM prio_internal.message AS m WHERE m.number = said_count.number AND m.role = said_count.role AND m.round = said_count.round);

COMMENT ON FUNCTION prio_internal.said_count(int, text, int) IS 'about how many chunks a side spoke in a round';

CREATE FUNCTION prio_internal.chunk_count(b prio_processor.batch) RETURNS int LANGUAGE sql STABLE
	RETURN (b.agreed + b.chunk_shares - 1) / b.chunk_shares;

COMMENT ON FUNCTION prio_internal.chunk_count(prio_processor.batch) IS 'chunks of the agreed list';

-- Says one chunk's messages of a round; in the second, of a chunk for which the other server's of
-- the first are here. 'worked', 'busy' when others are at it, 'waiting' for the other server, 'complete'.
CREATE FUNCTION prio_internal.say_next_chunk(b prio_processor.batch, round int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	peer text := prio_internal.other_role(b.role);
	a prio_internal.agreed;
	records bytea;
BEGIN
	IF prio_internal.said_count(b.number, b.role, round) = prio_internal.chunk_count(b) THEN
		RETURN 'complete';
	END IF;
	LOOP
		-- as in open_next_chunk(): at first behind all that has been said
		SELECT x.* INTO a FROM prio_internal.agreed AS x
		WHERE x.number = b.number AND x.chunk > coalesce((SELECT max(m.chunk) FROM prio_internal.message AS m
				WHERE m.number = b.number AND m.role = b.role AND m.round = say_next_chunk.round), -1)
			AND (say_next_chunk.round = 1 OR EXISTS (SELECT FROM prio_internal.message AS m
				WHERE m.number = x.number AND m.role = peer AND m.round = 1 AND m.chunk = x.chunk))
		ORDER BY x.chunk LIMIT 1 FOR UPDATE SKIP LOCKED;
		IF NOT FOUND THEN
			SELECT x.* INTO a FROM prio_internal.agreed AS x
			WHERE x.number = b.number AND x.chunk IN (
				(SELECT y.chunk FROM prio_internal.agreed AS y WHERE y.number = b.number AND say_next_chunk.round = 1
					UNION ALL SELECT m.chunk FROM prio_internal.message AS m WHERE m.number = b.number AND m.role = peer AND m.round = 1 AND say_next_chunk.round = 2)
				EXCEPT SELECT m.chunk FROM prio_internal.message AS m WHERE m.number = b.number AND m.role = b.role AND m.round = say_next_chunk.round)
			ORDER BY x.chunk LIMIT 1 FOR UPDATE SKIP LOCKED;
			EXIT WHEN NOT FOUND;
		END IF;
		IF prio_internal.said(b.number, b.role, round, a.chunk) IS NULL THEN
			SELECT w.records INTO STRICT records FROM prio_internal.work AS w WHERE w.number = b.number AND w.chunk = a.chunk;
			INSERT INTO prio_internal.message (number, role, round, chunk, payload)
			VALUES (b.number, b.role, round, a.chunk, CASE round WHEN 1 THEN prio_internal.round1(records, a.left_out)
				ELSE prio_internal.round2(b.server::text, records, a.left_out, prio_internal.said(b.number, b.role, 1, a.chunk),
					prio_internal.said(b.number, peer, 1, a.chunk)) END);
			RETURN 'worked';
		END IF;
	END LOOP;
	IF prio_internal.said_count(b.number, b.role, round) = prio_internal.chunk_count(b) THEN
		RETURN 'complete';
	ELSIF round = 2 AND prio_internal.said_count(b.number, peer, 1) < prio_internal.chunk_count(b) THEN
		RETURN 'waiting';
	END IF;
	RETURN 'busy';
END $$;

COMMENT ON FUNCTION prio_internal.say_next_chunk(prio_processor.batch, int) IS 'the messages of this side about one more chunk';
