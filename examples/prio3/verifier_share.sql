COPY (SELECT question, nonce, prio3_verifier_share(state) FROM state WHERE state IS NOT NULL) TO STDOUT;
