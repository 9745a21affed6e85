CREATE TABLE total AS
SELECT question, prio3_agg_share(state, message) AS agg_share, count(*) AS reports
FROM state JOIN message USING (question, nonce) JOIN peer_accepts USING (question, nonce)
WHERE prio3_verify_next(state, message) IS NOT NULL
GROUP BY question HAVING count(*) >= 50;
