#!/usr/bin/python3
"""What is secret about a packet, so that a test can look for it. Reads one JSON object a line
from standard input: {"role", "private", "shared_secret", "batch_id", "n_data", "share"}, bytes
in hexadecimal. Prints lines of a kind, a name and bytes in hexadecimal: of kind "packet" what
is known of it when it has been opened, of kind "verifier" what is kept of that, as the C code
has it. Of kind "server" is what the server knows besides, and of kind "file" what it has that in
writing."""
import hashlib
import json
import sys

sys.path.insert(0, "test/reference")
import prio_reference as prio  # noqa: E402


def limbs(x):
    """A field element as the core has it: two words of 44 bits each."""
    return (x & (1 << 44) - 1).to_bytes(8, "little") + (x >> 44).to_bytes(8, "little")


def show(kind, name, *secrets):
    """In pieces: part of a secret may be left."""
    for secret in secrets:
        for i in range(0, len(secret), 8):
            print(kind, name.replace(" ", "_"), secret[i:i + 8].hex())


def show_elements(kind, name, elements):
    for x in elements:
        show(kind, name, limbs(x))
        if kind == "packet":
            show(kind, name, x.to_bytes(11, "big")[-8:])


for line in sys.stdin:
    v = {key: bytes.fromhex(value) if key in ("private", "shared_secret", "share") else value
         for key, value in json.loads(line).items()}
    batch_id = v["batch_id"].encode()
    objects = prio.unpack_all(prio.open_sealed(v["private"], v["share"]))
    verifier = prio.Verifier(v["role"], v["private"], v["shared_secret"], batch_id, v["n_data"],
                             v["share"])
    public = prio.X25519PublicKey.from_public_bytes(v["share"][:32])
    z = prio.X25519PrivateKey.from_private_bytes(v["private"]).exchange(public)

    show("packet", "X25519 secret", z)
    show("packet", "AES key", hashlib.sha256(z + b"\0\0\0\1").digest()[:16])
    show_elements("packet", "header", map(prio.element, objects[1:7]))
    show_elements("packet", "share", verifier.data[:4] + verifier.data[-4:])
    if v["role"] == "A":
        show_elements("packet", "h points", map(prio.element, objects[9][-8:]))
    else:
        show("packet", "seed", objects[8])
        show("packet", "PRG key", hashlib.sha256(objects[8] + batch_id).digest()[:16])
    show_elements("verifier", "verifier", (verifier.a, verifier.b, verifier.c, verifier.h))

    r = prio.evaluation_point(v["shared_secret"], batch_id, v["n_data"])
    show("server", "private key", v["private"])
    show("server", "shared secret", v["shared_secret"])
    show("server", "PRG key", hashlib.sha256(v["shared_secret"] + batch_id).digest()[:16])
    show("server", "r", limbs(r))
    size = prio.domain_size(v["n_data"])
    show("server", "weights", *(limbs(prio.lagrange_at([int(i == j) for j in range(size)], r))
                                for i in range(100, 103)))
    show("file", "private key file", v["private"].hex().encode())
    show("file", "shared secret file", v["shared_secret"].hex().encode())
