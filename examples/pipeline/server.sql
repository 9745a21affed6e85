-- A Prio server is a foreign server with a role, and the keys are in the mapping of a user.
\set private_key_file :directory /private_key
\set shared_secret_file :directory /shared_secret
CREATE SERVER survey FOREIGN DATA WRAPPER prio OPTIONS (role :'role', public_key :'public_key');
CREATE USER MAPPING FOR PUBLIC SERVER survey
	OPTIONS (private_key_file :'private_key_file', shared_secret_file :'shared_secret_file');
