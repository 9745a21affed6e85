-- The shares of one batch. They do not compress, so EXTERNAL saves the attempt. A packet that is
-- sent again has the same replay key, under whatever id it comes.
CREATE TABLE share (id uuid PRIMARY KEY, payload bytea NOT NULL);
ALTER TABLE share ALTER payload SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX share_counts_once ON share (prio_replay_key(payload));

-- What this server knows of each share. It never leaves this server.
CREATE TABLE verifier (id uuid PRIMARY KEY REFERENCES share, verifier prio_verifier);

-- What the other server says.
CREATE TABLE peer_verify1 (id uuid PRIMARY KEY, message bytea);
CREATE TABLE peer_verify2 (id uuid PRIMARY KEY, message bytea);
CREATE TABLE peer_total (total bytea, clients bigint);

-- Where shares arrive, whatever they are.
CREATE TABLE arrived (id uuid, payload bytea);
