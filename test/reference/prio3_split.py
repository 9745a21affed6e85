"""A Prio3 report that one server accepts and the other refuses.

    python3 prio3_split.py FILE.json     writes such reports, and what each server says

A dishonest client falsifies one joint-randomness part of the public share, so that the two servers
derive different joint randomness, and builds the wires of its proof from both. With extreme
measurements (all bits set) the proof holds; verify_next accepts at one server and refuses at the
other. So each server has to hear whether the other's verify_next accepted before it adds up.
"""

import json
import os
import pathlib
import sys

import prio3_reference as ref


def split_report(circuit, measurement, wrong, ctx=b"context"):
    """Public share and input shares whose part number wrong (0: leader, 1: helper) is false."""
    v = circuit.prio3()
    field = v.c.field
    nonce = os.urandom(16)
    seed, helper_blind, leader_blind = (os.urandom(32) for _ in range(3))
    helper = v.helper_meas_share(ctx, 1, seed)
    leader = field.sub(v.c.encode(measurement), helper)
    parts = [v.joint_rand_part(ctx, 0, leader_blind, leader, nonce),
             v.joint_rand_part(ctx, 1, helper_blind, helper, nonce)]
    public = list(parts)
    public[wrong] = os.urandom(32)
    seen = [v.joint_rands(ctx, v.joint_rand_seed(ctx, p))[0]
            for p in ([parts[0], public[1]], [public[0], parts[1]])]
    calls = [field.add(a, b) for a, b in zip(v.c.calls(leader, seen[0], 2), v.c.calls(helper, seen[1], 2))]
    wire_seeds = [int.from_bytes(os.urandom(15), "little") for _ in range(v.c.gadget.arity)]
    proof = wire_seeds + v.c.gadget_poly(v.c.wires(wire_seeds, calls))
    leader_proof = field.sub(proof, v.helper_proofs_share(ctx, 1, seed))
    return (v, ctx, nonce, b"".join(public),
            [field.encode(leader) + field.encode(leader_proof) + leader_blind, seed + helper_blind])


def verdicts(v, ctx, key, nonce, public, shares):
    """Whether the leader and the helper accept; None if the proof does not even hold."""
    states, messages = zip(*(v.verify_init(key, ctx, j, nonce, public, shares[j]) for j in range(2)))
    try:
        message = v.verifier_shares_to_message(ctx, list(messages))
    except ref.Invalid:
        return None
    said = []
    for state in states:
        try:
            v.verify_next(ctx, state, message)
            said.append(True)
        except ref.Invalid:
            said.append(False)
    return said


def main():
    cases = []
    for wrong in 0, 1:
        for vdaf, parameters, circuit, measurement in (
                ("Prio3SumVec", {"length": 4, "max_measurement": 255, "chunk_length": 6},
                 ref.SumVec(4, 255, 6), [255] * 4),
                ("Prio3MultihotCountVec", {"length": 3, "max_weight": 3, "chunk_length": 3},
                 ref.MultihotCountVec(3, 3, 3), [1, 1, 1])):
            v, ctx, nonce, public, shares = split_report(circuit, measurement, wrong)
            key = os.urandom(32)
            cases.append({"draft": 18, "vdaf": vdaf, "parameters": parameters, "ctx": ctx.hex(),
                          "verify_key": key.hex(), "nonce": nonce.hex(), "public_share": public.hex(),
                          "input_shares": [x.hex() for x in shares],
                          "accepts": verdicts(v, ctx, key, nonce, public, shares)})
            assert sorted(cases[-1]["accepts"]) == [False, True]
    pathlib.Path(sys.argv[1]).write_text(json.dumps(cases, indent=1) + "\n")


if __name__ == "__main__":
    main()
