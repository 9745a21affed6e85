-- All mistakes of mistakes.c in one backend, whose process id comes out.
SELECT pg_backend_pid();
CREATE FUNCTION mistake_undefined_value() RETURNS int AS :'library' LANGUAGE C;
CREATE FUNCTION mistake_undefined_chunk() RETURNS int AS :'library' LANGUAGE C;
CREATE FUNCTION mistake_undefined_result() RETURNS bytea AS :'library' LANGUAGE C;
CREATE FUNCTION mistake_malloc_overrun() RETURNS int AS :'library' LANGUAGE C;
CREATE FUNCTION mistake_chunk_overrun() RETURNS int AS :'library' LANGUAGE C;
CREATE FUNCTION mistake_argument_overrun(bytea) RETURNS int AS :'library' LANGUAGE C;
CREATE FUNCTION mistake_use_after_pfree() RETURNS int AS :'library' LANGUAGE C;
CREATE FUNCTION mistake_leak() RETURNS int AS :'library' LANGUAGE C;
CREATE TEMP TABLE result AS
SELECT mistake_undefined_value(), mistake_undefined_chunk(), mistake_undefined_result(), mistake_malloc_overrun(),
	mistake_chunk_overrun(), mistake_argument_overrun(substr(decode(repeat('00', 300), 'hex'), 1, 252)),
	mistake_use_after_pfree(), mistake_leak();
