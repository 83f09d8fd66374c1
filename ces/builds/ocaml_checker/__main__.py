"""`python -m ces.builds.ocaml_checker`: build the checker and print where it is. Exit 1 with the reason when not."""

import sys

from ces.builds.ocaml_checker import build

if __name__ == "__main__":
    found = build(*sys.argv[1:2])
    if isinstance(found, str):
        sys.exit(found)
    print(found)
