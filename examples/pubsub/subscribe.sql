-- Hear the other server. The psql variables peer and slot say where it is, and how it calls what
-- it keeps for us.
CREATE SUBSCRIPTION messages CONNECTION :'peer' PUBLICATION messages WITH (slot_name = :'slot');
