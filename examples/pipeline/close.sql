-- The batch is closed: waits for everybody who is inserting, and from then on no row gets in.
ALTER TABLE share ADD CONSTRAINT batch_is_closed CHECK (false) NOT VALID;
