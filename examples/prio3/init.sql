CREATE TABLE state AS
SELECT question, nonce, prio3_verify_init(question, nonce, public_share, share) AS state FROM report;
