COPY (SELECT question, nonce FROM state JOIN message USING (question, nonce)
	WHERE prio3_verify_next(state, message) IS NOT NULL) TO STDOUT;
