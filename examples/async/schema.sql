-- One server. Shares and verifiers stay here.
CREATE TABLE share (id uuid PRIMARY KEY, payload bytea NOT NULL, verifier prio_verifier);
ALTER TABLE share ALTER payload SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX share_counts_once ON share (prio_replay_key(payload));

-- close.sql closes the batch with a constraint.
CREATE FUNCTION is_closed() RETURNS boolean LANGUAGE sql STABLE
	RETURN EXISTS (SELECT FROM pg_constraint WHERE conrelid = 'share'::regclass AND conname = 'batch_is_closed');

-- What we say: a message for each share and round; when a round is over how many messages it had;
-- and in the end the total.
CREATE TABLE message (round int, id uuid, payload bytea, sent boolean NOT NULL DEFAULT false, PRIMARY KEY (round, id));
CREATE INDEX ON message (id) WHERE NOT sent;
CREATE TABLE checkpoint (round int PRIMARY KEY, messages bigint, sent boolean NOT NULL DEFAULT false);
CREATE TABLE total (one boolean PRIMARY KEY DEFAULT true CHECK (one), total bytea, clients bigint, sent boolean NOT NULL DEFAULT false);

-- What the other server says.
CREATE TABLE peer_message (round int, id uuid, payload bytea, PRIMARY KEY (round, id));
CREATE TABLE peer_checkpoint (round int PRIMARY KEY, messages bigint);
CREATE TABLE peer_total (one boolean PRIMARY KEY DEFAULT true CHECK (one), total bytea, clients bigint);

-- ---------------------------------------------------------------- what happens on arrival

-- A share is opened as it arrives, and what there is to say about it waits for the worker.
CREATE FUNCTION open_share() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.verifier := prio_verifier('survey', '2026-11-22', 8, NEW.payload);
	RETURN NEW;
END $$;
CREATE TRIGGER open_share BEFORE INSERT ON share FOR EACH ROW EXECUTE FUNCTION open_share();

CREATE FUNCTION say_verify1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO message VALUES (1, NEW.id, prio_verify1(NEW.verifier));
	RETURN NULL;
END $$;
CREATE TRIGGER say_verify1 AFTER INSERT ON share FOR EACH ROW WHEN (NEW.verifier IS NOT NULL) EXECUTE FUNCTION say_verify1();

-- Whatever is new wakes the worker of this server, when the transaction has committed.
CREATE FUNCTION wake_worker() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NOTIFY work;
	RETURN NULL;
END $$;
CREATE TRIGGER wake_worker AFTER INSERT ON share FOR EACH STATEMENT EXECUTE FUNCTION wake_worker();
CREATE TRIGGER wake_worker AFTER INSERT ON peer_message FOR EACH STATEMENT EXECUTE FUNCTION wake_worker();
CREATE TRIGGER wake_worker AFTER INSERT ON peer_checkpoint FOR EACH STATEMENT EXECUTE FUNCTION wake_worker();

-- ---------------------------------------------------------------- what is known by now

-- The rounds of the other server of which everything is here.
CREATE VIEW complete AS
SELECT round FROM peer_checkpoint AS c
WHERE messages = (SELECT count(*) FROM peer_message AS m WHERE m.round = c.round);

CREATE VIEW verdict AS
SELECT id, CASE
		WHEN verifier IS NULL THEN prio_share_error('survey', '2026-11-22', 8, share.payload)
		WHEN v1.payload IS NULL AND EXISTS (SELECT FROM complete WHERE round = 1) THEN 'not opened by the other server'
		WHEN v2.payload IS NULL THEN 'not known yet'
		WHEN prio_is_valid(prio_verify2(verifier, v1.payload), v2.payload) THEN 'valid'
		ELSE 'the proof does not hold' END AS verdict
FROM share
	LEFT JOIN (SELECT * FROM peer_message WHERE round = 1) AS v1 USING (id)
	LEFT JOIN (SELECT * FROM peer_message WHERE round = 2) AS v2 USING (id);

CREATE VIEW result AS
SELECT prio_publish(total.total, peer_total.total) AS counts, clients FROM total JOIN peer_total USING (clients);
