-- Both totals together are the result, if both servers added up the same number of clients.
SELECT prio_publish(total.total, peer_total.total) AS counts, clients FROM total JOIN peer_total USING (clients);
