-- One of the two makes the secret that both servers have and no client knows.
SELECT encode(prio_shared_secret(), 'hex');
