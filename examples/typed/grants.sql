-- Who may do what. Nobody but the owner sees a share or a verifier.
SET ROLE survey_owner;
SET search_path = survey, public;
-- Functions and procedures are for PUBLIC at first.
REVOKE EXECUTE ON ALL ROUTINES IN SCHEMA survey FROM PUBLIC;

-- Clients, or who collects for them.
GRANT INSERT (batch_id, share_id, payload) ON share TO collector;
-- Who runs the survey.
GRANT INSERT (batch_id, n_data, min_clients), SELECT ON batch TO operator;
GRANT EXECUTE ON PROCEDURE close_batch TO operator;
GRANT SELECT ON progress, verdict TO operator;
-- The other server: it takes what we say, and brings what it says.
GRANT SELECT ON verify1, verify2, total TO partner;
GRANT INSERT ON peer_verify1, peer_verify2, peer_total TO partner;
GRANT EXECUTE ON PROCEDURE complete TO partner;
-- Who wants to know.
GRANT SELECT ON result TO analyst;
