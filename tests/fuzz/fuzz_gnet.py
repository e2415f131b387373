"""Feeds malformed files to the `.gnet` reader and reports the first that it takes in any wrong way.

    python tests/fuzz/fuzz_gnet.py --count 100000 [--seed 0] [FILE.gnet …]

Every mutation follows from the seed and its number, so that a failure can be repeated by itself with --only.
Besides wrong exceptions, the address space is limited to 512 MB over what the imports take, and memory must not
rise by more than 64 MB.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from gnet_mutator import judge, mutate
from gnet_samples import SAMPLES, sample_bytes

from graphnet.compiler.errors import GnetFormatError

GOLDEN = Path(__file__).parents[1] / "runtime" / "gnet" / "golden"
LAYERS = ("preamble", "header", "opset", "tensors", "graph", "train", "meta", "tensor", "file")
ADDRESS_SPACE, RISE, WARM_UP = 512 << 20, 64 << 20, 200


def limit_address_space() -> None:
    """Lets the process map 512 MB more than it has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + ADDRESS_SPACE,) * 2)


def seeds(paths: list[Path]) -> list[bytes]:
    """The sound files to start from: those given, else the golden ones and the samples."""
    chosen = paths or sorted(GOLDEN.glob("*.gnet"))
    return [path.read_bytes() for path in chosen] + ([] if paths else [sample_bytes(name) for name in SAMPLES])


def mutation(files: list[bytes], seed: int, number: int) -> bytes:
    """The malformed file of this number."""
    chance = random.Random(f"{seed}/{number}")
    return mutate(chance, chance.choice(files))


def fuzz(files: list[bytes], seed: int, numbers: range) -> Counter[str]:
    """Judges mutations; counts the fields that the refusals named.

    Raises:
        AssertionError: a file was loaded that should not have been, or memory rose.
    """
    fields: Counter[str] = Counter()
    before = 0
    for number in numbers:
        try:
            error = judge(mutation(files, seed, number))
        except BaseException:
            print(f"mutation {number} of seed {seed}: repeat it with --only {number} --seed {seed}", file=sys.stderr)
            raise
        fields["loaded" if error is None else layer(error)] += 1
        if number == numbers.start + WARM_UP:
            before = peak_bytes()
    rise = peak_bytes() - before if before else 0
    if rise > RISE:
        raise AssertionError(f"memory rose by {rise} bytes")
    return fields


def layer(error: GnetFormatError) -> str:
    """The part of the file that was refused."""
    part = error.path[0] if error.path else "file"
    return part if part in LAYERS else "other"


def peak_bytes() -> int:
    """The most memory that the process has had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, help="sound files to start from (default: golden files)")
    parser.add_argument("--count", type=int, default=100_000, help="mutations to try (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
    parser.add_argument("--only", type=int, help="try this one mutation")
    given = parser.parse_args()
    numbers = range(given.count) if given.only is None else range(given.only, given.only + 1)
    files = seeds(given.files)
    limit_address_space()
    for field, count in fuzz(files, given.seed, numbers).most_common():
        print(f"{count:8} {field}")


if __name__ == "__main__":
    main()
