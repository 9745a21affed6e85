-- The schema of one server, the same on both. Everything in it belongs to a role that nobody
-- logs in as, and which alone may use the foreign server, that is, the keys.
CREATE ROLE survey_owner;
CREATE ROLE collector;
CREATE ROLE operator;
CREATE ROLE partner;
CREATE ROLE analyst;
GRANT USAGE ON FOREIGN SERVER survey TO survey_owner;
CREATE SCHEMA survey AUTHORIZATION survey_owner;
GRANT USAGE ON SCHEMA survey TO collector, operator, partner, analyst;
SET ROLE survey_owner;
SET search_path = survey, public;

-- ---------------------------------------------------------------- batches and shares

-- What the data fields mean.
CREATE TABLE feature (position int PRIMARY KEY, name text NOT NULL);
INSERT INTO feature VALUES (1, 'spell checker'), (2, 'dark theme'), (3, 'split window'), (4, 'plug-ins'),
	(5, 'macros'), (6, 'printing'), (7, 'remote files'), (8, 'screen reader');

-- 1, 3, 7, 15 … data fields are not safe: see Limits in the README of prio.
CREATE TABLE batch (
	batch_id text PRIMARY KEY,
	n_data int NOT NULL CHECK (NOT prio_is_forgeable(n_data)),
	min_clients bigint NOT NULL,
	closed_at timestamptz,
	verify1_at timestamptz, -- when all messages of round 1 of the other server were here
	verify2_at timestamptz -- and all of round 2
);

CREATE TABLE share (
	batch_id text REFERENCES batch,
	share_id uuid,
	payload bytea NOT NULL,
	verifier prio_verifier,
	error text CHECK ((error IS NULL) = (verifier IS NOT NULL)),
	PRIMARY KEY (batch_id, share_id)
);
ALTER TABLE share ALTER payload SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX share_counts_once ON share (batch_id, prio_replay_key(payload));

-- A share is opened when it is inserted. No generated column can do that: what a share opens to
-- depends on the keys of the server, too. Whoever closes the batch waits for those who insert,
-- and a share that comes after that is left out.
CREATE FUNCTION open_share() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
	SET search_path = survey, public, pg_temp AS $$
DECLARE
	n_data int;
BEGIN
	SELECT b.n_data INTO n_data FROM batch AS b WHERE b.batch_id = NEW.batch_id AND b.closed_at IS NULL FOR SHARE;
	IF NOT FOUND THEN
		RETURN NULL;
	END IF;
	NEW.verifier := prio_verifier('survey', NEW.batch_id, n_data, NEW.payload);
	NEW.error := prio_share_error('survey', NEW.batch_id, n_data, NEW.payload);
	RETURN NEW;
END $$;
CREATE TRIGGER open_share BEFORE INSERT ON share FOR EACH ROW EXECUTE FUNCTION open_share();

-- There is no way to open it again.
CREATE PROCEDURE close_batch(batch_id text) LANGUAGE sql SECURITY DEFINER BEGIN ATOMIC
	UPDATE batch AS b SET closed_at = clock_timestamp() WHERE b.batch_id = close_batch.batch_id AND closed_at IS NULL;
END;

-- ---------------------------------------------------------------- the other server

-- What it says.
CREATE TABLE peer_verify1 (batch_id text REFERENCES batch, share_id uuid, message bytea, PRIMARY KEY (batch_id, share_id));
CREATE TABLE peer_verify2 (batch_id text REFERENCES batch, share_id uuid, message bytea, PRIMARY KEY (batch_id, share_id));
CREATE TABLE peer_total (batch_id text PRIMARY KEY REFERENCES batch, total bytea NOT NULL, clients bigint NOT NULL);

-- What we say to it: nothing about a batch that is open, and nothing in round 2 before all of its
-- messages of round 1 are here.
CREATE VIEW verify1 AS
SELECT batch_id, share_id, prio_verify1(verifier) AS message
FROM share JOIN batch USING (batch_id)
WHERE closed_at IS NOT NULL AND verifier IS NOT NULL;

CREATE VIEW verify2 AS
SELECT batch_id, share_id, prio_verify2(verifier, message) AS message
FROM share JOIN batch USING (batch_id) JOIN peer_verify1 USING (batch_id, share_id)
WHERE verify1_at IS NOT NULL AND verifier IS NOT NULL;

-- ---------------------------------------------------------------- verdicts, totals, results

-- Is a share valid? NULL is for not known yet.
CREATE VIEW verdict AS
SELECT batch_id, share_id, valid,
	CASE
		WHEN error IS NOT NULL THEN error
		WHEN NOT valid AND v1.message IS NULL THEN 'not opened by the other server'
		WHEN NOT valid THEN 'the proof does not hold'
	END AS reason
FROM share JOIN batch USING (batch_id)
	LEFT JOIN peer_verify1 AS v1 USING (batch_id, share_id)
	LEFT JOIN peer_verify2 AS v2 USING (batch_id, share_id),
	LATERAL (SELECT CASE
		WHEN error IS NOT NULL OR (verify1_at IS NOT NULL AND v1.message IS NULL) THEN false
		WHEN verify2_at IS NOT NULL THEN coalesce(prio_is_valid(prio_verify2(verifier, v1.message), v2.message), false)
	END AS valid) AS v;

-- Totals are kept: one for a batch, ever.
CREATE TABLE total (batch_id text PRIMARY KEY REFERENCES batch, total bytea NOT NULL, clients bigint NOT NULL);

-- The other server says that a round is complete, and how many messages it sent. Both rounds
-- complete make the total, if there are enough clients in it.
CREATE PROCEDURE complete(batch_id text, round int, messages bigint) LANGUAGE plpgsql SECURITY DEFINER
	SET search_path = survey, public, pg_temp AS $$
DECLARE
	here bigint;
BEGIN
	IF round = 1 THEN
		SELECT count(*) INTO here FROM peer_verify1 AS v WHERE v.batch_id = complete.batch_id;
		UPDATE batch AS b SET verify1_at = clock_timestamp()
		WHERE b.batch_id = complete.batch_id AND here = messages AND closed_at IS NOT NULL AND verify1_at IS NULL;
	ELSE
		SELECT count(*) INTO here FROM peer_verify2 AS v WHERE v.batch_id = complete.batch_id;
		UPDATE batch AS b SET verify2_at = clock_timestamp()
		WHERE b.batch_id = complete.batch_id AND here = messages AND verify1_at IS NOT NULL AND verify2_at IS NULL;
	END IF;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'round % of batch "%" is not complete: % messages of % are here', round, batch_id, here, messages
			USING HINT = 'Both servers close a batch first, and each round is completed once.';
	END IF;
	IF round <> 1 THEN
		INSERT INTO total
		SELECT s.batch_id, prio_total_share(verifier, payload), count(*)
		FROM share AS s JOIN verdict AS v USING (batch_id, share_id) JOIN batch AS b USING (batch_id)
		WHERE s.batch_id = complete.batch_id AND valid
		GROUP BY s.batch_id, min_clients
		HAVING count(*) >= min_clients;
	END IF;
END $$;

CREATE VIEW result AS
SELECT batch_id, position, name AS feature, count, clients
FROM total JOIN peer_total AS p USING (batch_id, clients),
	unnest(prio_publish(total.total, p.total)) WITH ORDINALITY AS c (count, position) JOIN feature USING (position);

-- How far the batches are.
CREATE VIEW progress AS
SELECT batch_id, closed_at IS NOT NULL AS closed, count(share_id) AS shares, count(*) FILTER (WHERE valid) AS valid,
	count(*) FILTER (WHERE NOT valid) AS refused, count(*) FILTER (WHERE share_id IS NOT NULL AND valid IS NULL) AS undecided
FROM batch LEFT JOIN verdict USING (batch_id) GROUP BY batch_id;
