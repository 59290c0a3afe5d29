"""Speed and memory, as ratios measured in one run: tools/bench [--small] [BUILD] [B1 B2 …].

Ends with 1 when a bench did not run or an answer is wrong, never for a time.
"""
import argparse
import importlib
import signal
import sys
import time
from datetime import date
from pathlib import Path
from subprocess import SubprocessError

from contest import Failed, Report
from place import Place

BENCHES = {"B1": "b1_postgres_day", "B2": "b2_parquet", "B3": "b3_check", "B4": "b4_memory",
           "B5": "b5_start_up", "B6": "b6_range", "B7": "b7_api", "B8": "b8_trigger",
           "B9": "b9_scheduler", "CLUSTERING": "clustering"}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help="all in a minute; proves no speed")
    parser.add_argument("--size", action="append", default=[], metavar="NAME=NUMBER",
                        help="another rows, rounds, scale, ingestions, days")
    parser.add_argument("--s3", nargs=2, metavar=("FOLDER", "PORT"),
                        help="a radosgw of the tests that runs already")
    parser.add_argument("names", nargs="*", help="a build folder, and benches (default: all)")
    options = parser.parse_args()
    options.sizes = {n: int(v) for n, v in (pair.split("=") for pair in options.size)}
    options.benches = [n.upper() for n in options.names if n.upper() in BENCHES] or list(BENCHES)
    builds = [n for n in options.names if n.upper() not in BENCHES] or ["build/release"]
    if len(builds) > 1:
        parser.error(f"one build folder at a time; the benches are {', '.join(BENCHES)}")
    options.build = Path(builds[0]).resolve()
    return options


def run(name, options, place, report):
    bench = importlib.import_module(BENCHES[name])
    size = dict(bench.SMALL if options.small else bench.FULL)
    size |= {name: number for name, number in options.sizes.items() if name in size}
    bench.run(place, report, **size)


def main():
    options = arguments()
    report = Report(judges=not options.small)
    print(f"{date.today()}, {options.build / 'millrace'}")
    broken = []
    with Place(options.build, options.s3) as place:
        for name in options.benches:
            start = time.monotonic()
            try:
                run(name, options, place, report)
            except (Failed, SubprocessError, OSError) as failed:
                print(f"  {name} FAILED: {failed}", flush=True)
                broken.append(name)
            print(f"  {name} took {time.monotonic() - start:.0f} s", flush=True)
    print("\nTargets")
    for text, limit, verdict in report.verdicts:
        print(f"  {verdict:8} {text} ({limit})")
    if broken:
        print(f"did not run, or answered wrong: {', '.join(broken)}")
    return 1 if broken else 0


if __name__ == "__main__":
    # Its servers end with it: another S3 of the tests would wait for them.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    sys.exit(main())
