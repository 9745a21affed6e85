#!/usr/bin/python3
"""Hold packets that the extension made, and everything it computed from them, against
prio_reference.py. Reads one JSON object a line, one client each, from standard input:
bytes are in hexadecimal."""
import json
import sys

import prio_reference as prio

unhex = bytes.fromhex

for line in sys.stdin:
    v = json.loads(line)
    prio.LEGACY_PRG = v["prg"] == "seed"
    a, b = (prio.Verifier(role, unhex(v["private_" + role.lower()]), unhex(v["shared_secret"]),
                          v["batch_id"].encode(), v["n_data"], unhex(v["share_" + role.lower()]))
            for role in "AB")
    verify1 = a.verify1(), b.verify1()
    verify2 = a.verify2(*verify1), b.verify2(*verify1)
    assert verify1 == (unhex(v["verify1_a"]), unhex(v["verify1_b"])), "verify1"
    assert verify2 == (unhex(v["verify2_a"]), unhex(v["verify2_b"])), "verify2"
    assert prio.is_valid(*verify2), "is_valid"
    totals = prio.total_share("A", [a], v["n_data"]), prio.total_share("B", [b], v["n_data"])
    assert totals == (unhex(v["total_a"]), unhex(v["total_b"])), "total share"
    if v["bits"]:
        totals = [prio.total_share_uint(total, v["bits"]) for total in totals]
    assert prio.final(*totals) == v["data"], "result"
    print("ok", v["n_data"], v["prg"], v["bits"], flush=True)
