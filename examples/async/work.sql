-- What the worker calls whenever it is woken: does all that can be done by now. It looks first at
-- what is complete, and then does things: so whatever was counted is seen by what follows.
CREATE PROCEDURE work() LANGUAGE plpgsql AS $$
DECLARE
	closed boolean := is_closed();
	round_1_is_complete boolean := EXISTS (SELECT FROM complete WHERE round = 1);
	round_2_is_complete boolean := EXISTS (SELECT FROM complete WHERE round = 2);
BEGIN
	-- Answer what the other server said about shares that are here, too.
	INSERT INTO message
	SELECT 2, id, prio_verify2(verifier, peer.payload)
	FROM peer_message AS peer JOIN share USING (id)
	WHERE round = 1 AND verifier IS NOT NULL AND NOT EXISTS (SELECT FROM message AS m WHERE m.round = 2 AND m.id = peer.id);

	-- The batch is closed: no share comes any more, and so no message of round 1.
	IF closed THEN
		INSERT INTO checkpoint SELECT 1, count(*) FROM message WHERE round = 1 ON CONFLICT DO NOTHING;
	END IF;
	-- On both sides: then everything has been answered.
	IF closed AND round_1_is_complete THEN
		INSERT INTO checkpoint SELECT 2, count(*) FROM message WHERE round = 2 ON CONFLICT DO NOTHING;
	END IF;
	-- And all answers are here: the set of valid shares is the same on both sides, and stays so.
	IF closed AND round_1_is_complete AND round_2_is_complete AND NOT EXISTS (SELECT FROM total) THEN
		INSERT INTO total (total, clients)
		SELECT prio_total_share(verifier, payload), count(*) FROM share JOIN verdict USING (id) WHERE verdict = 'valid'
		HAVING count(*) >= 50;
	END IF;

	-- Send what was not sent. If it gets there and this transaction fails, it is sent again.
	WITH new AS (UPDATE message SET sent = true WHERE NOT sent RETURNING round, id, payload)
	INSERT INTO partner.message SELECT * FROM new ON CONFLICT DO NOTHING;
	WITH new AS (UPDATE checkpoint SET sent = true WHERE NOT sent RETURNING round, messages)
	INSERT INTO partner.checkpoint SELECT * FROM new ON CONFLICT DO NOTHING;
	WITH new AS (UPDATE total SET sent = true WHERE NOT sent RETURNING total, clients)
	INSERT INTO partner.total SELECT * FROM new ON CONFLICT DO NOTHING;
END $$;
