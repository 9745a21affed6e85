CREATE USER MAPPING FOR PUBLIC SERVER commute OPTIONS (verify_key_file :'verify_key_file');
CREATE USER MAPPING FOR PUBLIC SERVER minutes OPTIONS (verify_key_file :'verify_key_file');
