-- What this server says, and nothing that it heard: otherwise every row would come back.
CREATE PUBLICATION messages FOR TABLE
	message WHERE (role = :'role'),
	checkpoint WHERE (role = :'role'),
	total WHERE (role = :'role')
	WITH (publish = 'insert');

-- Who the other server logs in as.
CREATE ROLE partner LOGIN REPLICATION;
GRANT SELECT ON message, checkpoint, total TO partner;
