"""Every variant of every capture of a folder of scenarios: ``python -m tests.robust.sweep FOLDER``.

Prints a line a hit, then how many variants were run. Meant for a look at the whole lab with many
seeds; the tests run the same functions.
"""

from __future__ import annotations

import argparse
import collections
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from pcapan.errors import PcapanError
from tests.kit.frames import read
from tests.robust.judge import Hit, Truth, findings_of, judge
from tests.robust.variants import VARIANTS, Files, Variant


def scenarios(folder: Path, only: str = "") -> Iterator[tuple[str, int, Files, Truth]]:
    """(name, link type, files, truth) of every capture that frames can be read from."""
    for path in sorted(folder.glob("*/EXPECT.json")):
        if only not in path.parent.name:
            continue
        for name, want in json.loads(path.read_text("utf-8"))["captures"].items():
            try:
                parts = [read(path.parent / part) for part in name.split("+")]
            except (PcapanError, KeyError):
                continue  # containers that hold nothing to change
            if any(frames for _, frames in parts):
                yield (
                    f"{path.parent.name}/{name}",
                    parts[0][0],
                    [frames for _, frames in parts],
                    Truth.of(want),
                )


def hits_of(
    link: int, files: Files, truth: Truth, seeds: range, variants: list[Variant]
) -> Iterator[tuple[str, int, list[Hit]]]:
    """(variant, seed, hits) of every variant run; those without a seed run for the first only."""
    before = findings_of(files, link)
    for variant in variants:
        if variant.name == "clocks-apart" and len(files) == 1:
            continue
        for seed in seeds if variant.seeded else seeds[:1]:
            try:
                changed, mapping = variant.make(files, link, seed)
            except IndexError:
                continue  # more addresses than the one network has
            yield variant.name, seed, judge(truth, variant, findings_of(changed, link), before, mapping)


def main() -> int:
    """Run the sweep; the exit status tells whether there was a false claim."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--only", default="")
    parser.add_argument("--variant", default="")
    options = parser.parse_args()
    variants = [variant for name, variant in VARIANTS.items() if options.variant in name]
    ran: collections.Counter[str] = collections.Counter()
    seen: collections.Counter[str] = collections.Counter()
    seeds = range(options.first, options.first + options.seeds)
    for name, link, files, truth in scenarios(options.folder, options.only):
        for variant, seed, hits in hits_of(link, files, truth, seeds, variants):
            ran[variant] += 1
            for hit in hits:
                seen[f"{hit.kind} {hit.finding}"] += 1
                print(f"{hit.kind:9} {name} {variant} seed {seed}: {hit.finding} {hit.detail}", flush=True)
    print(f"variants {sum(ran.values())}: {dict(ran)}")
    print(f"hits {sum(seen.values())}: {dict(seen)}")
    return 1 if any(text.startswith(("confirmed", "accused")) for text in seen) else 0


if __name__ == "__main__":
    sys.exit(main())
