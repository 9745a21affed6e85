-- ---------------------------------------------------------------- the result

CREATE FUNCTION prio_internal.step_publish(b prio_processor.batch) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	theirs prio_internal.heard;
	counts numeric[];
	largest numeric;
BEGIN
	SELECT * INTO STRICT theirs FROM prio_internal.heard AS h WHERE h.number = b.number;
	IF theirs.valid IS NULL THEN
		RETURN 'waiting';
	ELSIF theirs.valid <> b.valid THEN
		PERFORM prio_internal.fail_batch(b, format('the servers do not agree on the valid shares: %s here, %s there', b.valid, theirs.valid));
		RETURN 'failed';
	ELSIF NOT theirs.has_total THEN
		PERFORM prio_internal.enter_stage(b, 'too small');
		UPDATE prio_processor.batch AS x SET total = NULL, error = 'the other server has fewer valid shares than its min_batch_size: nothing is published',
			error_at = clock_timestamp() WHERE x.number = b.number;
		RETURN 'done';
	ELSIF theirs.total IS NULL THEN
		RETURN 'waiting';
	END IF;
	BEGIN
		counts := prio_internal.published(b, theirs.total);
	EXCEPTION WHEN data_exception THEN
		PERFORM prio_internal.fail_batch(b, 'the totals do not belong together: ' || SQLERRM);
		RETURN 'failed';
	END;
	largest := prio_internal.largest_count(b);
	IF (SELECT max(count) > largest FROM unnest(counts) AS count) THEN
		PERFORM prio_internal.fail_batch(b, format('a count is beyond what %s valid shares can add up to: the servers did not add up the same shares', b.valid));
		RETURN 'failed';
	END IF;
	INSERT INTO prio_processor.result (batch_id, counts, valid, rejected) VALUES (b.batch_id, counts, b.valid, b.rejected);
	PERFORM prio_internal.enter_stage(b, 'published', b.valid);
	RETURN 'done';
END $$;

COMMENT ON FUNCTION prio_internal.step_publish(prio_processor.batch) IS 'puts both totals together, and checks the result';
