-- Each server makes its own pair of keys. The private one goes to a file that only PostgreSQL's
-- operating system user can read, the public one to the other server and to all clients.
SELECT encode(private_key, 'hex') AS private_key, encode(public_key, 'hex') AS public_key FROM prio_keygen() \gset
\o :directory/private_key
\qecho :private_key
\o
\echo :public_key
