#!/usr/bin/python3
"""What a helper's share of a Prio3 histogram (draft 18) expands to, so that a test can look for
it: arguments are the share in hexadecimal, the length and the chunk length. Prints lines of a
name and the bytes of an element in hexadecimal, as they are on the wire and in memory."""
import sys

sys.path.insert(0, "test/reference")
import prio3_reference as prio3  # noqa: E402

share, length, chunk_length = bytes.fromhex(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
vdaf = prio3.Histogram(length, chunk_length).prio3()
seed = share[:vdaf.helper_len]
for name, elements in (("measurement", vdaf.helper_meas_share(b"", 1, seed)),
                       ("proof", vdaf.helper_proofs_share(b"", 1, seed))):
    for x in elements[:4] + elements[-4:]:
        print(name, vdaf.c.field.encode([x]).hex())
