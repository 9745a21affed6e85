CREATE TABLE report (question text, nonce bytea, public_share bytea NOT NULL, share bytea NOT NULL,
	PRIMARY KEY (question, nonce));
CREATE UNIQUE INDEX share_counts_once ON report (question, sha256(share));
CREATE TABLE arrived (LIKE report);

CREATE TABLE peer_verifier_share (question text, nonce bytea, verifier_share bytea, PRIMARY KEY (question, nonce));
CREATE TABLE peer_accepts (question text, nonce bytea, PRIMARY KEY (question, nonce));
CREATE TABLE peer_total (question text PRIMARY KEY, agg_share bytea, reports bigint);
