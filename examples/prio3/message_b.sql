CREATE TABLE message AS
SELECT question, nonce, prio3_verifier_message(question, verifier_share, prio3_verifier_share(state)) AS message
FROM state JOIN peer_verifier_share USING (question, nonce);
