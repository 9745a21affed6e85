CREATE USER MAPPING FOR PUBLIC SERVER used OPTIONS (private_key_file :'private_key_file', verify_key_file :'verify_key_file');
CREATE USER MAPPING FOR PUBLIC SERVER minutes OPTIONS (private_key_file :'private_key_file', verify_key_file :'verify_key_file');
CREATE USER MAPPING FOR PUBLIC SERVER ratings OPTIONS (private_key_file :'private_key_file', verify_key_file :'verify_key_file');
CREATE USER MAPPING FOR PUBLIC SERVER device OPTIONS (private_key_file :'private_key_file', verify_key_file :'verify_key_file');
