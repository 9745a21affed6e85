-- Included by the regression tests and benchmarks: two servers with fresh keys, a and b in
-- one database, and what their clients need to know.
CREATE EXTENSION prio;
SELECT encode(private_key, 'hex') AS private_a, encode(public_key, 'hex') AS public_a FROM prio_keygen() \gset
SELECT encode(private_key, 'hex') AS private_b, encode(public_key, 'hex') AS public_b FROM prio_keygen() \gset
SELECT encode(prio_shared_secret(), 'hex') AS secret \gset
CREATE SERVER a FOREIGN DATA WRAPPER prio OPTIONS (role 'A', public_key :'public_a');
CREATE SERVER b FOREIGN DATA WRAPPER prio OPTIONS (role 'B', public_key :'public_b');
CREATE USER MAPPING FOR PUBLIC SERVER a OPTIONS (private_key :'private_a', shared_secret :'secret');
CREATE USER MAPPING FOR PUBLIC SERVER b OPTIONS (private_key :'private_b', shared_secret :'secret');
CREATE TABLE keys AS SELECT decode(:'public_a', 'hex') AS a, decode(:'public_b', 'hex') AS b;
-- The verdict of both servers on a pair of verifiers.
CREATE FUNCTION valid(a prio_verifier, b prio_verifier) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT prio_is_valid(prio_verify2(a, prio_verify1(b)), prio_verify2(b, prio_verify1(a))) $$;
