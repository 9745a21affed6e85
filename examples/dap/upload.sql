CREATE TABLE upload (question text, report bytea);
