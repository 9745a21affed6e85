CREATE TABLE report (question text, nonce uuid, header bytea NOT NULL, share bytea NOT NULL, PRIMARY KEY (question, nonce));
CREATE TABLE arrived (LIKE report);

CREATE TABLE peer_verifier_share (question text, nonce uuid, verifier_share bytea, PRIMARY KEY (question, nonce));
CREATE TABLE peer_accepts (question text, nonce uuid, PRIMARY KEY (question, nonce));
CREATE TABLE peer_total (question text PRIMARY KEY, agg_share bytea, reports bigint);
