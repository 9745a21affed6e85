-- All that an analyst sees: what part of the clients of each batch uses a feature.
SELECT feature, string_agg(round(100.0 * count / clients) || ' %', ', ' ORDER BY batch_id) AS "share of the clients, by day"
FROM survey.result GROUP BY position, feature ORDER BY position;
