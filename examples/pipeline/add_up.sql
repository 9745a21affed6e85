-- The sum of the valid shares, still a share of the sum of the data. A table and no view: it is
-- made once. With fewer than 50 clients there is none.
CREATE TABLE total AS
SELECT prio_total_share(verifier, payload) AS total, count(*) AS clients
FROM share JOIN verifier USING (id) JOIN verdict USING (id)
WHERE verdict = 'valid'
HAVING count(*) >= 50;
