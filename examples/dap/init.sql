CREATE TABLE state AS
SELECT question, nonce, dap_verify_init(question, header, share) AS state FROM report;
