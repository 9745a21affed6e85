-- Does what can be done, and nothing twice: to be run again and again. Each step is one
-- transaction with one view of the tables, so that a checkpoint never says more than was sent.

-- Round 1 takes nothing but our shares, of a batch that is closed.
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO verifier SELECT id, prio_verifier('survey', '2026-11-22', 8, payload) FROM share WHERE is_closed()
ON CONFLICT DO NOTHING;
INSERT INTO message SELECT ours(), 1, id, prio_verify1(verifier) FROM verifier WHERE verifier IS NOT NULL
ON CONFLICT DO NOTHING;
INSERT INTO checkpoint SELECT ours(), 1, count(*) FROM message WHERE role = ours() AND round = 1 HAVING is_closed()
ON CONFLICT DO NOTHING;
COMMIT;

-- Round 2 takes all messages of round 1 of the other server.
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO message
SELECT ours(), 2, id, prio_verify2(verifier, payload)
FROM complete JOIN message USING (round) JOIN verifier USING (id)
WHERE round = 1 AND role = theirs() AND verifier IS NOT NULL
ON CONFLICT DO NOTHING;
INSERT INTO checkpoint
SELECT ours(), 2, (SELECT count(*) FROM message WHERE role = ours() AND round = 2) FROM complete WHERE round = 1
ON CONFLICT DO NOTHING;
COMMIT;

-- The total takes all of round 2. There is one, ever, and none of fewer than 50 clients.
INSERT INTO total
SELECT ours(), prio_total_share(verifier, payload), count(*)
FROM complete, share JOIN verifier USING (id) JOIN verdict USING (id)
WHERE round = 2 AND verdict = 'valid' AND NOT EXISTS (SELECT FROM total WHERE role = ours())
HAVING count(*) >= 50
ON CONFLICT DO NOTHING;
