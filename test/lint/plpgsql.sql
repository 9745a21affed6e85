-- Checks every PL/pgSQL function and procedure of the extensions of this tree, prio*.control,
-- with all warnings of plpgsql_check:
--
--	psql -X -q -d DATABASE -f test/lint/plpgsql.sql
--
-- Prints what it finds, and how many functions it looked at. The exit status is 0 only when
-- there is nothing to find. Leaves the database as it was.
\set ON_ERROR_STOP on
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS plpgsql_check;
\set extensions `echo prio*.control`
SELECT format('CREATE EXTENSION IF NOT EXISTS %I CASCADE', replace(file, '.control', ''))
FROM regexp_split_to_table(:'extensions', ' ') AS file \gexec

-- One trigger is on the shares of a batch alone: so there has to be such a table.
CREATE TABLE prio_internal.share_lint (LIKE prio_processor.share);
CREATE TRIGGER keep_share BEFORE UPDATE OR DELETE ON prio_internal.share_lint FOR EACH ROW EXECUTE FUNCTION prio_internal.keep_share();

CREATE TEMP TABLE plpgsql_function AS
SELECT extension.extname AS extension, function.oid::regprocedure AS function,
	function.prorettype = 'trigger'::regtype AS is_trigger
FROM pg_extension AS extension
	JOIN pg_depend AS member ON member.refclassid = 'pg_extension'::regclass AND member.refobjid = extension.oid
		AND member.classid = 'pg_proc'::regclass AND member.deptype = 'e'
	JOIN pg_proc AS function ON function.oid = member.objid
	JOIN pg_language AS language ON language.oid = function.prolang
WHERE extension.extname LIKE 'prio%' AND language.lanname = 'plpgsql';

-- One with a fault in it: unless that is found, finding nothing means nothing.
CREATE FUNCTION pg_temp.faulty() RETURNS int LANGUAGE plpgsql AS $$ DECLARE unused int; BEGIN RETURN 1; END $$;
INSERT INTO plpgsql_function VALUES ('faulty', 'pg_temp.faulty()', false);

-- A trigger function means something for a table alone, so it is checked for each that has it.
CREATE TEMP TABLE plpgsql_check_run AS
SELECT function, 0::regclass AS relation, NULL::name AS old_table, NULL::name AS new_table
FROM plpgsql_function WHERE NOT is_trigger
UNION
SELECT function, tgrelid::regclass, tgoldtable, tgnewtable
FROM plpgsql_function JOIN pg_trigger ON tgfoid = function AND NOT tgisinternal WHERE is_trigger;

CREATE TEMP TABLE plpgsql_finding AS
SELECT function, relation, finding.lineno AS line, finding.level, finding.message, finding.detail, finding.hint, finding.query
FROM plpgsql_check_run, plpgsql_check_function_tb(funcoid => function, relid => relation,
	oldtable => old_table, newtable => new_table, fatal_errors => false, other_warnings => true, extra_warnings => true,
	performance_warnings => true, security_warnings => true, compatibility_warnings => true) AS finding
UNION ALL
SELECT function, 0, NULL, 'error', 'no table has this trigger, so it cannot be checked', NULL, NULL, NULL
FROM plpgsql_function WHERE is_trigger AND function NOT IN (SELECT function FROM plpgsql_check_run);

DO $$
BEGIN
	IF NOT EXISTS (SELECT FROM plpgsql_finding WHERE function = 'pg_temp.faulty()'::regprocedure) THEN
		RAISE EXCEPTION 'plpgsql_check does not find what it should';
	END IF;
	DELETE FROM plpgsql_finding WHERE function = 'pg_temp.faulty()'::regprocedure;
END $$;

\pset format unaligned
\pset tuples_only on
SELECT format('%s%s%s: %s: %s', function, CASE WHEN relation <> 0 THEN ' on ' || relation::regclass END, ', line ' || line, level, message)
	|| coalesce(E'\n\tdetail: ' || detail, '') || coalesce(E'\n\thint: ' || hint, '') || coalesce(E'\n\tquery: ' || query, '')
FROM plpgsql_finding ORDER BY function::text, relation::text, line;
SELECT format('%s: %s PL/pgSQL functions checked', extname, count(function))
FROM pg_extension LEFT JOIN plpgsql_function ON extension = extname WHERE extname LIKE 'prio%' GROUP BY extname ORDER BY extname;

DO $$
BEGIN
	IF EXISTS (SELECT FROM plpgsql_finding) THEN
		RAISE EXCEPTION 'faults that plpgsql_check found: %', (SELECT count(*) FROM plpgsql_finding);
	END IF;
END $$;
ROLLBACK;
