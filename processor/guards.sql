-- ---------------------------------------------------------------- what is kept as it is

-- A batch goes forward only, and what it is does not change once its list is out.
CREATE FUNCTION prio_internal.keep_batch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'DELETE' THEN
		RAISE EXCEPTION 'batch "%" cannot be deleted', OLD.batch_id
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'A batch id is used once. drop_batch() frees the space of a finished batch.';
	END IF;
	IF (NEW.batch_id, NEW.number, NEW.server, NEW.role, NEW.checkpoints, NEW.packet_batch_id)
		IS DISTINCT FROM (OLD.batch_id, OLD.number, OLD.server, OLD.role, OLD.checkpoints, OLD.packet_batch_id)
		OR ((NEW.n_data, NEW.chunk_shares, NEW.bits, NEW.ordinals, NEW.min_batch_size, NEW.report_times, NEW.settings, NEW.list_digest)
			IS DISTINCT FROM (OLD.n_data, OLD.chunk_shares, OLD.bits, OLD.ordinals, OLD.min_batch_size, OLD.report_times, OLD.settings, OLD.list_digest)
			AND OLD.list_digest IS NOT NULL)
		OR ((NEW.agreed, NEW.agreed_digest) IS DISTINCT FROM (OLD.agreed, OLD.agreed_digest) AND OLD.agreed_digest IS NOT NULL)
		OR (OLD.valid IS NOT NULL AND (NEW.valid IS DISTINCT FROM OLD.valid OR NEW.total IS DISTINCT FROM OLD.total AND NEW.total IS NOT NULL)) THEN
		RAISE EXCEPTION 'settings of batch "%" cannot be changed', OLD.batch_id
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Both servers have agreed on them. Create another batch.';
	END IF;
	IF (OLD.stage = 'failed' AND NEW.stage <> 'failed' AND NEW.stage <> OLD.failed_stage)
		OR (OLD.stage <> 'failed' AND NEW.stage < OLD.stage)
		OR (OLD.stage IN ('published', 'too small') AND NEW.stage <> OLD.stage) THEN
		RAISE EXCEPTION 'batch "%" cannot go from stage "%" to "%"', OLD.batch_id, OLD.stage, NEW.stage
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'A batch is closed before anything is said about it, never reopened, and published once.';
	END IF;
	RETURN NEW;
END $$;

COMMENT ON FUNCTION prio_internal.keep_batch() IS 'trigger: a batch goes forward only';

CREATE TRIGGER keep_batch BEFORE UPDATE OR DELETE ON prio_processor.batch FOR EACH ROW EXECUTE FUNCTION prio_internal.keep_batch();

CREATE FUNCTION prio_internal.keep_share() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'shares cannot be changed or deleted'
		USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'drop_batch() frees the space of a finished batch.';
END $$;

COMMENT ON FUNCTION prio_internal.keep_share() IS 'trigger: shares stay as they came';

CREATE FUNCTION prio_internal.keep_forever() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'rows of "%" cannot be changed or deleted', TG_TABLE_NAME
		USING ERRCODE = 'object_not_in_prerequisite_state';
END $$;

COMMENT ON FUNCTION prio_internal.keep_forever() IS 'trigger: what was said, remembered or published stays';

CREATE FUNCTION prio_internal.refuse_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'table "%" cannot be truncated', TG_TABLE_NAME
		USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'drop_batch() frees the space of a finished batch.';
END $$;

COMMENT ON FUNCTION prio_internal.refuse_truncate() IS 'trigger: what belongs to a batch is dropped with it alone';

CREATE TRIGGER keep_forever BEFORE UPDATE OR DELETE ON prio_processor.result FOR EACH ROW EXECUTE FUNCTION prio_internal.keep_forever();
CREATE TRIGGER keep_forever BEFORE UPDATE ON prio_internal.message FOR EACH ROW EXECUTE FUNCTION prio_internal.keep_forever();
CREATE TRIGGER keep_forever BEFORE UPDATE ON prio_internal.list FOR EACH ROW EXECUTE FUNCTION prio_internal.keep_forever();
CREATE TRIGGER keep_forever BEFORE UPDATE ON prio_internal.memory FOR EACH ROW EXECUTE FUNCTION prio_internal.keep_forever();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON prio_processor.result FOR EACH STATEMENT EXECUTE FUNCTION prio_internal.refuse_truncate();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON prio_processor.batch FOR EACH STATEMENT EXECUTE FUNCTION prio_internal.refuse_truncate();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON prio_processor.share FOR EACH STATEMENT EXECUTE FUNCTION prio_internal.refuse_truncate();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON prio_internal.message FOR EACH STATEMENT EXECUTE FUNCTION prio_internal.refuse_truncate();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON prio_internal.list FOR EACH STATEMENT EXECUTE FUNCTION prio_internal.refuse_truncate();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON prio_internal.memory FOR EACH STATEMENT EXECUTE FUNCTION prio_internal.refuse_truncate();

-- ---------------------------------------------------------------- shares that are early

CREATE FUNCTION prio_internal.early_shares_are_full() RETURNS boolean LANGUAGE sql STABLE
	RETURN pg_relation_size('prio_internal.early_share') + pg_relation_size((SELECT c.reltoastrelid FROM pg_class AS c
		WHERE c.oid = 'prio_internal.early_share'::regclass)) >= 1000000000;

COMMENT ON FUNCTION prio_internal.early_shares_are_full() IS 'is a gigabyte of shares waiting for batches that nobody has made';

-- A row for a batch that does not exist does not stop the COPY that it is in: it waits
-- beside. What is too long for any packet, or comes when a gigabyte is waiting, is let go. A batch
-- that exists may have a table that nobody could make a partition yet: see attach_shares().
CREATE FUNCTION prio_internal.divert_share() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
	b record;
BEGIN
	SELECT x.number, x.dropped_at, x.drop_wanted INTO b FROM prio_processor.batch AS x WHERE x.batch_id = NEW.batch_id;
	IF FOUND THEN
		IF b.dropped_at IS NOT NULL OR b.drop_wanted THEN
			RETURN NULL;
		END IF;
		BEGIN
			EXECUTE format('INSERT INTO prio_internal.%I (batch_id, share_id, header, payload) VALUES ($1, $2, $3, $4)', 'share_' || b.number)
			USING NEW.batch_id, NEW.share_id, NEW.header, NEW.payload;
			RETURN NULL;
		EXCEPTION WHEN undefined_table OR lock_not_available THEN
			NULL; -- somebody is dropping it, or making it a partition
		END;
	END IF;
	IF octet_length(NEW.batch_id) BETWEEN 1 AND 1000 AND octet_length(NEW.payload) <= 1073741000 AND coalesce(octet_length(NEW.header), 0) <= 1073741000
		AND NOT prio_internal.early_shares_are_full() THEN
		INSERT INTO prio_internal.early_share (batch_id, share_id, header, payload) VALUES (NEW.batch_id, NEW.share_id, NEW.header, NEW.payload);
	END IF;
	RETURN NULL;
END $$;

COMMENT ON FUNCTION prio_internal.divert_share() IS 'trigger: shares for a batch that nobody has made yet';

CREATE TRIGGER divert_share BEFORE INSERT ON prio_internal.share_other FOR EACH ROW EXECUTE FUNCTION prio_internal.divert_share();
