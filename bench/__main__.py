"""``python -m bench [rules] [memory] [registry] [planner] [ingest]``: measure and print the tables."""

import argparse
import sys

from bench import ingest, memory, planner, registry, rules

BENCHES = {"rules": rules.run, "memory": memory.run, "registry": registry.run, "planner": planner.run, "ingest": ingest.run}


def main() -> None:
    parser = argparse.ArgumentParser("python -m bench", description=__doc__)
    parser.add_argument("which", nargs="*", choices=[*BENCHES, []], help="all without a name")
    for name in parser.parse_args().which or BENCHES:
        print(f"\n## {name}\n", flush=True)
        for line in BENCHES[name]():
            print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
