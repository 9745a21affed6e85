-- One server. The psql variable role is A or B.
CREATE FUNCTION ours() RETURNS text LANGUAGE sql IMMUTABLE RETURN :'role';
CREATE FUNCTION theirs() RETURNS text LANGUAGE sql IMMUTABLE RETURN CASE ours() WHEN 'A' THEN 'B' ELSE 'A' END;

-- What stays.
CREATE TABLE share (id uuid PRIMARY KEY, payload bytea NOT NULL);
ALTER TABLE share ALTER payload SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX share_counts_once ON share (prio_replay_key(payload));
CREATE TABLE verifier (id uuid PRIMARY KEY REFERENCES share, verifier prio_verifier);

-- close.sql closes the batch with a constraint.
CREATE FUNCTION is_closed() RETURNS boolean LANGUAGE sql STABLE
	RETURN EXISTS (SELECT FROM pg_constraint WHERE conrelid = 'share'::regclass AND conname = 'batch_is_closed');

-- What travels: a message for each share and round; at the end of a round a checkpoint, which
-- says how many messages there were; and the total. These tables hold the rows of both servers.
CREATE TABLE message (role text, round int, id uuid, payload bytea, PRIMARY KEY (role, round, id));
CREATE TABLE checkpoint (role text, round int, messages bigint, PRIMARY KEY (role, round));
CREATE TABLE total (role text PRIMARY KEY, total bytea, clients bigint);

-- The other server may add rows in its own name. Any other row is left out; to truncate is an
-- error, which stops the subscription. Triggers do not fire for what replication brings, but those
-- that are made for it do.
CREATE FUNCTION take_theirs() RETURNS trigger LANGUAGE plpgsql SET search_path = public AS $$
BEGIN
	IF TG_OP = 'TRUNCATE' THEN
		RAISE EXCEPTION 'the other server truncates table "%"', TG_TABLE_NAME;
	END IF;
	IF TG_OP = 'INSERT' AND NEW.role = theirs() THEN
		RETURN NEW;
	END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER take_theirs BEFORE INSERT OR UPDATE OR DELETE ON message FOR EACH ROW EXECUTE FUNCTION take_theirs();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON message FOR EACH STATEMENT EXECUTE FUNCTION take_theirs();
ALTER TABLE message ENABLE REPLICA TRIGGER take_theirs, ENABLE REPLICA TRIGGER no_truncate;
CREATE TRIGGER take_theirs BEFORE INSERT OR UPDATE OR DELETE ON checkpoint FOR EACH ROW EXECUTE FUNCTION take_theirs();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON checkpoint FOR EACH STATEMENT EXECUTE FUNCTION take_theirs();
ALTER TABLE checkpoint ENABLE REPLICA TRIGGER take_theirs, ENABLE REPLICA TRIGGER no_truncate;
CREATE TRIGGER take_theirs BEFORE INSERT OR UPDATE OR DELETE ON total FOR EACH ROW EXECUTE FUNCTION take_theirs();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON total FOR EACH STATEMENT EXECUTE FUNCTION take_theirs();
ALTER TABLE total ENABLE REPLICA TRIGGER take_theirs, ENABLE REPLICA TRIGGER no_truncate;

-- The rounds of the other server of which everything is here.
CREATE VIEW complete AS
SELECT round FROM checkpoint AS c
WHERE role = theirs()
	AND messages = (SELECT count(*) FROM message AS m WHERE m.role = c.role AND m.round = c.round);

CREATE VIEW verdict AS
SELECT id, CASE
		WHEN verifier IS NULL THEN prio_share_error('survey', '2026-11-22', 8, share.payload)
		WHEN v1.payload IS NULL THEN 'not opened by the other server'
		WHEN prio_is_valid(prio_verify2(verifier, v1.payload), v2.payload) THEN 'valid'
		ELSE 'the proof does not hold' END AS verdict
FROM share JOIN verifier USING (id)
	LEFT JOIN (SELECT * FROM message WHERE role = theirs() AND round = 1) AS v1 USING (id)
	LEFT JOIN (SELECT * FROM message WHERE role = theirs() AND round = 2) AS v2 USING (id);

CREATE VIEW result AS
SELECT prio_publish(our.total, their.total) AS counts, clients
FROM total AS our JOIN total AS their USING (clients)
WHERE our.role = ours() AND their.role = theirs();
