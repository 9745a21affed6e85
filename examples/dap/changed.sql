-- The smallest good report of each question, as often as it has bytes, with another one changed each time.
COPY (SELECT good.question, at, part.header, part.:share
	FROM (SELECT DISTINCT ON (u.question) u.question, u.report
			FROM upload AS u, dap_split(u.question, u.report) AS s, peer_accepts AS a
			WHERE (a.question, a.nonce) = (u.question, s.report_id) ORDER BY u.question, u.report) AS good,
		generate_series(0, length(report) - 1) AS at, dap_split(question, set_byte(report, at, get_byte(report, at) # 1)) AS part
	WHERE part.report_id IS NOT NULL) TO STDOUT;
