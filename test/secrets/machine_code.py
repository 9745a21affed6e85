#!/usr/bin/env python3
"""Do the kernels for AVX-512 branch or index on what they compute with? Valgrind does not
know that instruction set, so this reads their machine code, as objdump lists it.

machine_code.py FILE FUNCTION[:masks][:leaks] ...

For every FUNCTION of FILE it follows all ways through it, and through the functions it
calls, and keeps track of which registers may hold something secret: whatever was in a vector
or mask register, or was read from memory other than a register that had been put aside on
the stack. Arguments are public: pointers and counts. It complains about a conditional jump
on flags, and about an address, that may depend on a secret. What it does not understand it
complains about, too.

With :masks, what a comparison of vectors gave is public: all that may show of random elements
is which of them are rejected, and those comparisons are how that is found out.

With :leaks, the function is a control: it has to be complained about.

Prints TAP, and exits 1 when a test fails. One assumption: registers are put aside in places
of the stack that the program itself has no pointer to.
"""
import re
import subprocess
import sys

WIDE = ("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp")
REGISTERS = {name: name for name in WIDE}
for name in WIDE:
    REGISTERS["e" + name[1:]] = REGISTERS[name[1:]] = name
    REGISTERS[name[1:] + "l" if name[2] != "x" else name[1] + "l"] = name
    REGISTERS[name[1] + "h"] = name if name[2] == "x" else REGISTERS.get(name[1] + "h")
for number in range(8, 16):
    for suffix in ("", "d", "w", "b"):
        REGISTERS["r%d%s" % (number, suffix)] = "r%d" % number

KEPT_BY_CALLEES = {"rbx", "rbp", "rsp", "r12", "r13", "r14", "r15"}
NOTHING = re.compile(r"((data16 +|cs +)*nop[wl]?|endbr64|vzeroupper|xchg +%ax,%ax)(?=\s|$)")
MOVES = re.compile(r"(mov|movabs|mov[bwlq]|movz[bw][lqw]|movs[bwl][lqw]|bswap)$")
ARITHMETIC = re.compile(r"(add|sub|and|or|xor|shl|shr|sar|sal|rol|ror|imul|inc|dec|neg|shld|"
                        r"shrd|popcnt|lzcnt|tzcnt|bsr|bsf)[bwlq]?$")
WITH_CARRY = re.compile(r"(adc|sbb)[bwlq]?$")
COMPARISONS = re.compile(r"(cmp|test)[bwlq]?$")
FROM_VECTOR = re.compile(r"(k(mov|ortest|test|or|and|not|xnor|xor|andn|add|shift[lr])[bwdq]|v\w+)$")
MEMORY = re.compile(r"(?:%[fg]s:)?(-?0x[0-9a-f]+|-?\d+)?\((?:%(\w+))?(?:,%(\w+),\d)?\)")


class Listing:
    """The instructions of a file: address -> (text, next address), and where functions are."""

    def __init__(self, path):
        self.code, self.functions, self.name_of = {}, {}, {}
        last = None
        output = subprocess.run(["objdump", "-d", "--no-show-raw-insn", path], check=True,
                                capture_output=True, text=True).stdout
        for line in output.splitlines():
            head = re.match(r"([0-9a-f]+) <(.+)>:$", line)
            body = re.match(r" *([0-9a-f]+):\t(.*)$", line)
            if head:
                self.functions[head.group(2)] = int(head.group(1), 16)
                self.name_of[int(head.group(1), 16)] = head.group(2)
                last = None
            elif body:
                address = int(body.group(1), 16)
                if last is not None:
                    self.code[last][1] = address
                text = re.sub(r"\s*(#.*)?$", "", body.group(2))
                self.code[address] = [text, None]
                last = address


class State:
    """What may be secret before an instruction; places on the stack hold no secret if known."""

    def __init__(self, secret=(), public_places=()):
        self.secret, self.public_places = frozenset(secret), frozenset(public_places)

    def join(self, other):
        return State(self.secret | other.secret, self.public_places & other.public_places)

    def __eq__(self, other):
        return self.secret == other.secret and self.public_places == other.public_places


def vector_name(operand):
    """One name for a vector or mask register, whatever its width; None for other operands."""
    vector = re.match(r"%[xyz](mm\d+)$|%(k[0-7])$", operand)
    return "vector " + (vector.group(1) or vector.group(2)) if vector else None


def split_operands(text):
    return [part.strip() for part in re.split(r",(?![^(]*\))", text)] if text else []


class Checker:
    def __init__(self, listing, masks_are_public):
        self.listing, self.masks_are_public = listing, masks_are_public
        self.complaints = {}
        self.current = None

    def complain(self, address, why):
        self.complaints[address] = why

    def is_secret(self, operand, state):
        """Of a source operand."""
        if operand.startswith("$"):
            return False
        registers = re.match(r"%(\w+)", operand)
        if registers and registers.group(1) in REGISTERS:
            return REGISTERS[registers.group(1)] in state.secret
        if registers and not operand.startswith(("%fs:", "%gs:")):
            return vector_name(operand) not in state.public_places
        if operand.startswith("%fs:0x28"):
            return False
        return operand not in state.public_places

    def check_address(self, address, operand, state):
        memory = MEMORY.search(operand)
        for register in memory.groups()[1:] if memory else ():
            if register and REGISTERS.get(register, "rip" if register == "rip" else None) is None:
                self.complain(address, "an address that is a vector")
            elif register and REGISTERS.get(register) in state.secret:
                self.complain(address, "an address that depends on a secret")

    def write(self, operand, secret, state, size=8):
        """The state after something was written to a destination operand."""
        register = re.match(r"%(\w+)$", operand)
        if register and register.group(1) in REGISTERS:
            name = REGISTERS[register.group(1)]
            places = state.public_places
            if name in ("rsp", "rbp"): # other places have these names from now on
                places = {place for place in places if "%" + name not in place}
            return State(state.secret | {name} if secret else state.secret - {name}, places)
        if vector_name(operand):
            places = state.public_places - {vector_name(operand)}
            return State(state.secret, places if secret else places | {vector_name(operand)})
        place = re.match(r"(-?0x[0-9a-f]+)?\(%(rsp|rbp)\)$", operand)
        if not place:
            return state
        start = int(place.group(1) or "0", 16)
        kept = set()
        for known in state.public_places:
            if known.startswith("vector"):
                kept.add(known)
                continue
            other = re.match(r"(-?0x[0-9a-f]+)?\(%(rsp|rbp)\)$", known)
            at = int(other.group(1) or "0", 16)
            if other.group(2) != place.group(2) or at + 8 <= start or start + size <= at:
                kept.add(known)
        if not secret and size == 8:
            kept.add(operand)
        return State(state.secret, kept)

    def set_flags(self, secret, state):
        return State(state.secret | {"flags"} if secret else state.secret - {"flags"},
                     state.public_places)

    def call(self, target, state, address):
        """The state when a function returns; None if it does not."""
        if target.startswith("__stack_chk_fail"):
            return None
        if target == "prio_kernels_accept_portable" and self.masks_are_public:
            result = set()  # valgrind looks after that one: what it returns is how many
        elif target in self.listing.functions:
            self.follow(target, State(state.secret, ()))
            result = {"rax", "rdx"}
        else:
            self.complain(address, "a call of %s" % target)
            return None
        lost = set(WIDE) | {"r8", "r9", "r10", "r11", "flags"}
        lost -= KEPT_BY_CALLEES
        if not result:
            lost -= {"rax"}
            state = State(state.secret - {"rax"}, state.public_places)
        places = {place for place in state.public_places if not place.startswith("vector")}
        return State(state.secret | lost | result, places)

    def step(self, address, text, following, state):
        """(where to go on, in which state) after an instruction."""
        if NOTHING.match(text):
            return [(following, state)]
        name, _, rest = text.partition(" ")
        operands = split_operands(re.sub(r"\{[^}]*\}", "", rest.split("<")[0]))
        masks = re.findall(r"\{(%k\d)\}", rest)
        target = re.search(r"<([^>+]+)(\+0x[0-9a-f]+)?(?:@plt)?(?:@@\w+)?>", rest)
        if name == "ret":
            return []
        if name in ("jmp", "call") and not re.match(r"[0-9a-f]+ <", rest.strip()):
            self.complain(address, "a jump to somewhere")
            return []
        if name == "call" or (name == "jmp" and target.group(2) is None and
                              target.group(1) != self.current):
            after = self.call(target.group(1), state, address)
            return [] if after is None or name == "jmp" else [(following, after)]
        if name == "jmp":
            return [(int(operands[0], 16), state)]
        if re.match(r"j[a-z]+$", name):
            if "flags" in state.secret:
                self.complain(address, "a jump that depends on a secret")
            return [(int(operands[0], 16), state), (following, state)]

        if name != "lea":
            for operand in operands:
                self.check_address(address, operand, state)
        if name == "push":
            return [(following, self.write("%rsp", False, state))]
        if name == "pop":
            state = self.write("%rsp", False, state)
            return [(following, self.write(operands[0], False, state))]
        if name == "leave":
            state = self.write("%rsp", False, state)
            return [(following, self.write("%rbp", False, state))]
        if name == "lea":
            names = [REGISTERS.get(r) for r in MEMORY.search(operands[0]).groups()[1:] if r]
            return [(following, self.write(operands[1], bool(set(names) & state.secret), state))]
        if FROM_VECTOR.match(name):
            return [(following, self.vector(name, operands, masks, state))]
        if len(operands) == 1 and name != "bswap" and not re.match("set", name):
            if re.match(r"mul[ql]?$", name):
                secret = self.is_secret(operands[0], state) or "rax" in state.secret
                state = self.write("%rdx", secret, self.write("%rax", secret, state))
                return [(following, self.set_flags(secret, state))]
            operands = ["$1"] + operands
        secret = any(self.is_secret(operand, state) for operand in operands[:-1])
        if MOVES.match(name):
            if name == "bswap":
                return [(following, state)]
            whole = operands[0].startswith("%r") or operands[-1].startswith("%")
            return [(following, self.write(operands[-1], secret or not whole, state))]
        if re.match(r"set[a-z]+$", name):
            secret = "flags" in state.secret or self.is_secret(operands[0], state)
            return [(following, self.write(operands[0], secret, state))]
        if re.match(r"cmov[a-z]+$", name):
            secret |= "flags" in state.secret or self.is_secret(operands[-1], state)
            return [(following, self.write(operands[-1], secret, state))]
        if name.rstrip("bwlq") in ("xor", "sub") and operands[0] == operands[-1]:
            return [(following, self.set_flags(False, self.write(operands[-1], False, state)))]
        if WITH_CARRY.match(name):
            secret |= "flags" in state.secret
        elif not (ARITHMETIC.match(name) or COMPARISONS.match(name) or
                  re.match(r"not[bwlq]?$", name)):
            self.complain(address, "an instruction that is not known here")
            return []
        secret |= self.is_secret(operands[-1], state)
        if not COMPARISONS.match(name):
            state = self.write(operands[-1], secret, state)
        return [(following, state if name.startswith("not") else self.set_flags(secret, state))]

    def vector(self, name, operands, masks, state):
        """After an instruction on vector or mask registers. What they hold is secret, but for
        what one of them was given by another register, to put it aside, and for what a
        comparison gave, if that is public."""
        if not operands:
            return state
        sources = operands[:-1] + masks
        if re.match(r"vpcmp\w+$", name) and operands[-1].startswith("%k"):
            secret = not self.masks_are_public or any(self.is_secret(mask, state) for mask in masks)
        elif re.match(r"kxn?or", name) and len(set(sources)) == 1:
            secret = False
        elif name.startswith("k") or re.match(r"vmov[dq]$", name):
            secret = any(self.is_secret(source, state) for source in sources)
        else:
            secret = True
        if re.match(r"k(or)?test", name):
            return self.set_flags(secret or self.is_secret(operands[-1], state), state)
        if re.match(r"vp?test[sdp]|vp?test$|vu?comi|vpcmp[ei]str", name):
            return self.set_flags(True, self.write("%rcx", True, state))
        return self.write(operands[-1], secret, state, size=64)

    def follow(self, function, entry):
        """All ways through a function, until nothing new can become secret."""
        caller, self.current = self.current, function
        states = {self.listing.functions[function]: entry}
        todo = list(states)
        while todo:
            address = todo.pop()
            text, following = self.listing.code[address]
            self.current = function
            for where, state in self.step(address, text, following, states[address]):
                if where is None or where not in self.listing.code:
                    self.complain(address, "a way out of the listing")
                    continue
                joined = state if where not in states else states[where].join(state)
                if where not in states or not joined == states[where]:
                    states[where] = joined
                    todo.append(where)
        self.current = caller


def main():
    path, arguments = sys.argv[1], sys.argv[2:]
    listing = Listing(path)
    failed = False
    print("1..%d" % len(arguments))
    for number, argument in enumerate(arguments, 1):
        function, *options = argument.split(":")
        if function not in listing.functions:
            sys.exit("Bail out! %s: there is no function %s" % (path, function))
        checker = Checker(listing, "masks" in options)
        checker.follow(function, State())
        leaks = "leaks" in options
        failed |= bool(checker.complaints) != leaks
        print("%s %d - %s: %s %s" % (
            "ok" if bool(checker.complaints) == leaks else "not ok", number, path, function,
            "is seen to leak" if leaks else
            "shows nothing but comparisons of vectors" if "masks" in options else
            "does not branch or index on what it computes with"))
        if not leaks:
            for address, why in sorted(checker.complaints.items()):
                print("# %x: %s: %s" % (address, listing.code[address][0], why))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
