#!/usr/bin/python3
"""Everything secret that the owner of a private key can get out of a packet. Reads one JSON
object a packet from standard input and prints lines of a name and hexadecimal digits."""
import hashlib
import json
import sys

import prio_reference as prio

unhex = bytes.fromhex

for line in sys.stdin:
    v = json.loads(line)
    prio.LEGACY_PRG = v["prg"] == "seed"
    private, share = unhex(v["private"]), unhex(v["share"])
    print("packet key", prio.derive_key(private, share[:32]).hex())
    if v["role"] == "B":
        seed = prio.open_sealed(private, share)[-16:]
        print("seed", seed.hex())
        if not prio.LEGACY_PRG:
            print("key of the seed", hashlib.sha256(seed + v["batch_id"].encode()).digest()[:16].hex())
    point = prio.evaluation_point(unhex(v["shared_secret"]), v["batch_id"].encode(), v["n_data"])
    print("point", point.to_bytes(11, "big").hex())
