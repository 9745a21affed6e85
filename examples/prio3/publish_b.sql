SELECT question, prio3_unshard(question, peer_total.agg_share, total.agg_share, reports) AS result, reports
FROM total JOIN peer_total USING (question, reports) ORDER BY question;
