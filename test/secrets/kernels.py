#!/usr/bin/env python3
"""The functions of the kernels that valgrind does not run, for machine_code.py.

kernels.py FILE VARIANT...

FILE has tables of kernels: variables named prio_kernels_ and a variant. Prints the functions that
the tables of all variants but these point to, as the linker's relocations have it: what they
return when asked whether the processor has them is no secret, and what accept() shows is which
random elements it rejects.
"""
import re
import subprocess
import sys


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main():
    path = sys.argv[1]
    seen = {re.sub(r"\W", "", name.lower()) for name in sys.argv[2:]}
    name_at, tables = {}, {}
    for line in output("nm", "-S", path).splitlines():
        symbol = re.match(r"(\w+) (\w+) (\w) (\w+)$", line)
        if not symbol:
            continue
        address, size, kind, name = symbol.groups()
        if kind in "tT":
            name_at[int(address, 16)] = name
        elif kind in "dDrR" and name.startswith("prio_kernels_"):
            tables[name[len("prio_kernels_"):]] = range(int(address, 16), int(address, 16) + int(size, 16))
    for line in output("readelf", "-rW", path).splitlines():
        entry = re.match(r"(\w+) +\w+ R_\w+_RELATIVE +(\w+)$", line)
        if not entry:
            continue
        for variant, table in tables.items():
            function = name_at.get(int(entry.group(2), 16))
            if variant in seen or int(entry.group(1), 16) not in table or function in (None, "is_supported"):
                continue
            if function.startswith("accept"):
                print(f"{function}:masks {function}:leaks")
            else:
                print(function)
    if not seen & tables.keys():
        sys.exit(f"kernels.py: {path} has none of {sorted(seen)} but {sorted(tables)}")


if __name__ == "__main__":
    main()
