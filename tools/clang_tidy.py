#!/usr/bin/env python3
"""clang-tidy over src, on all cores: tools/clang_tidy.py BUILD_FOLDER.

A file that was clean is not read again until it, a header of ours that it includes, the checks or
the pins change. Tests are left out: g++ has warned about them, and they are a third of the time.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

CLANG_TIDY = "clang-tidy-19"
ROOT = Path(__file__).resolve().parents[1]
CACHE = Path(
    os.environ.get("MILLRACE_CACHE")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "millrace")
)


def with_headers(file, seen):
    """The file and every header of ours below it."""
    if file not in seen and file.exists():
        seen.add(file)
        for name in re.findall(r'#include "([^"]+)"', file.read_text()):
            with_headers(ROOT / "src" / name, seen)
    return seen


def fingerprint(entry, settings):
    digest = hashlib.sha256(settings)
    digest.update(entry["command"].replace(str(ROOT), "").encode())
    for file in sorted(with_headers(Path(entry["file"]), set())):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def check(entry, build):
    done = subprocess.run([CLANG_TIDY, "--quiet", "-p", build, entry["file"]],
                          capture_output=True, text=True)
    return done.returncode == 0, done.stdout + (done.stderr if done.returncode else "")


def main():
    build = sys.argv[1]
    started = time.monotonic()
    version = subprocess.run([CLANG_TIDY, "--version"], capture_output=True, check=True).stdout
    settings = version + b"".join((ROOT / name).read_bytes()
                                  for name in (".clang-tidy", "tools/pins.tsv"))
    clean = CACHE / "clang-tidy"
    clean.mkdir(parents=True, exist_ok=True)

    entries = [entry for entry in json.loads(Path(build, "compile_commands.json").read_text())
               if "/src/" in entry["file"].removeprefix(str(ROOT))
               and not entry["file"].endswith("_test.cpp")]
    marks = {clean / fingerprint(entry, settings): entry for entry in entries}
    todo = {mark: entry for mark, entry in marks.items() if not mark.exists()}

    failed = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for mark, (ok, output) in zip(todo, pool.map(lambda e: check(e, build), todo.values())):
            if ok:
                mark.touch()
            else:
                failed += 1
                print(output.replace(f"{ROOT}/", ""))
    print(f"clang-tidy: {len(entries)} files, {len(todo)} read, {failed} with findings, "
          f"{time.monotonic() - started:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
