CREATE TABLE message AS
SELECT question, nonce, prio3_verifier_message(question, prio3_verifier_share(state), verifier_share) AS message
FROM state JOIN peer_verifier_share USING (question, nonce);
