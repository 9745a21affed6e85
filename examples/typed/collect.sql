-- Lines of id and share that come on standard input go to a batch. Replays, second shares with
-- an id, and what comes after the batch was closed are left out.
CREATE TEMPORARY TABLE arrived (share_id uuid, payload bytea);
\copy arrived FROM pstdin
INSERT INTO survey.share (batch_id, share_id, payload) SELECT :'batch', share_id, payload FROM arrived
ON CONFLICT DO NOTHING;
