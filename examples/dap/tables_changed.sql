CREATE TABLE changed (question text, at int, header bytea, share bytea, PRIMARY KEY (question, at));
