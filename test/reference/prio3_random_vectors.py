"""Makes vectors of Prio3 with random parameters, in the form of vectors/prio3.

    python3 prio3_random_vectors.py DIRECTORY [SEED]

Prints the seed; without one it is another one at every run.
"""

import pathlib
import secrets
import sys

import make_prio3_vectors as vectors
import prio3_drafts as drafts
import prio3_reference as ref


def vector(length, draw):
    return lambda: [draw() for _ in range(length)]


def random_case(draft, s):
    """Name, parameters, circuit, and how to draw a measurement."""
    length, bits = 1 + s.below(12), 1 + s.below(8)
    maximum = 1 + s.below(1 << bits)
    kind = s.below(5 if draft == 18 else 3)
    if kind == 0 and draft == 18:
        maximum = 1 + s.below(1 << 1 + s.below(63))
        return ("Sum", {"max_measurement": maximum}, ref.Sum(maximum),
                lambda: s.below(maximum + 1))
    if kind == 0:
        bits = 1 + s.below(62)
        return "Sum", {"bits": bits}, drafts.Draft08.Sum(bits), lambda: s.below(1 << bits)
    if kind == 1 and draft == 18:
        chunk = 1 + s.below(length * maximum.bit_length())
        return ("SumVec", {"length": length, "max_measurement": maximum, "chunk_length": chunk},
                ref.SumVec(length, maximum, chunk), vector(length, lambda: s.below(maximum + 1)))
    if kind == 1:
        chunk = 1 + s.below(length * bits)
        return ("SumVec", {"length": length, "bits": bits, "chunk_length": chunk},
                drafts.Draft08.SumVec(length, bits, chunk), vector(length, lambda: s.below(1 << bits)))
    if kind == 2:
        length *= 1 + s.below(4)
        chunk = 1 + s.below(length)
        circuit = (ref if draft == 18 else drafts.Draft08).Histogram(length, chunk)
        return "Histogram", {"length": length, "chunk_length": chunk}, circuit, lambda: s.below(length)
    if kind == 3:
        weight = 1 + s.below(length)
        chunk = 1 + s.below(length + weight.bit_length())
        return ("MultihotCountVec", {"length": length, "max_weight": weight, "chunk_length": chunk},
                ref.MultihotCountVec(length, weight, chunk),
                lambda: vectors.one_hot_bools(length, s.below(weight + 1), s))
    chunk = 1 + s.below((length + 1) * maximum.bit_length())
    return ("L1BoundSum", {"length": length, "max_value": maximum, "chunk_length": chunk},
            ref.L1BoundSum(length, maximum, chunk), lambda: vectors.norm_bounded(length, maximum, s))


def main():
    out = pathlib.Path(sys.argv[1])
    seed = sys.argv[2] if len(sys.argv) > 2 else secrets.token_hex(8)
    print(f"seed {seed}")
    out.mkdir(parents=True, exist_ok=True)
    for draft, count in ((18, 25), (8, 12)):
        s = vectors.Stream(f"{seed} {draft}")
        for _ in range(count):
            vectors.write(out, draft, *random_case(draft, s), s)


if __name__ == "__main__":
    main()
