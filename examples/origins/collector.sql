-- The collector: one row for each element of prioData. It cannot open the packets. Both shares
-- of a packet get the same id, made of the ping's and the place in it.
CREATE TABLE prio_data AS
SELECT element ->> 'encoding' AS batch_id, md5((doc ->> 'id') || ' ' || place)::uuid AS share_id,
	decode(element #>> '{prio,a}', 'base64') AS share_a, decode(element #>> '{prio,b}', 'base64') AS share_b
FROM ping, jsonb_array_elements(doc #> '{payload,prioData}') WITH ORDINALITY AS e (element, place);
