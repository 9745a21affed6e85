CREATE TABLE client AS
SELECT number, number % 7 % 5 AS way, 5 + number % 60 AS minutes FROM generate_series(1, 120) AS number;

CREATE TABLE report AS
SELECT 'commute' AS question, number, s.* FROM client, prio3_shard('commute', way) AS s
UNION ALL
SELECT 'minutes', number, s.* FROM client, prio3_shard('minutes', minutes) AS s;

-- Client 119 says something that it has no proof of, and client 120 answers again for another.
UPDATE report SET share_a = set_byte(share_a, 0, get_byte(share_a, 0) # 1) WHERE number = 119;
UPDATE report AS r SET public_share = o.public_share, share_a = o.share_a, share_b = o.share_b
FROM report AS o WHERE r.number = 120 AND o.number = 12 AND o.question = r.question;
