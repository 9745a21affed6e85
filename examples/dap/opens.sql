SELECT question, at FROM changed WHERE dap_verify_init(question, header, share) IS NOT NULL;
