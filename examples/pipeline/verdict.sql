-- A share is valid if and only if our message of round 2 and that of the other server cancel out.
CREATE VIEW verdict AS
SELECT id, CASE
		WHEN verifier IS NULL THEN prio_share_error('survey', '2026-11-22', 8, payload)
		WHEN v1.message IS NULL THEN 'not opened by the other server'
		WHEN prio_is_valid(prio_verify2(verifier, v1.message), v2.message) THEN 'valid'
		ELSE 'the proof does not hold' END AS verdict
FROM share JOIN verifier USING (id) LEFT JOIN peer_verify1 AS v1 USING (id) LEFT JOIN peer_verify2 AS v2 USING (id);
