#!/usr/bin/env python3
"""Recomputes a day's certificate without any code of Millrace: recompute.py STORE HANDLE DAY

STORE is the folder of a project, <home>/store/default. What was stored comes from the Delta table
as delta-rs reads it, what was rejected from the quarantine file, and what was claimed from the
publish records. Prints a line for each part of the certificate, and exits with 1 when one differs.
`of_source` does the same for the customer's own rows, given how each should be mapped.
"""
import json
import math
import pathlib
import sys
from collections import Counter

import pyarrow.parquet as pq
from deltalake import DeltaTable

DATASETS = ("events", "metrics", "exposures", "entity_properties")
NUMBERS = ("value", "numerator", "denominator")


def claimed(store, handle, day):
    """Dataset, ingestion id, and the current version of the day, as the records tell it."""
    versions, current = {}, None
    for dataset in DATASETS:
        for path in sorted((store / dataset / "_publish").glob("*.json")):
            record = json.loads(path.read_text())
            if record["ingestion"]["handle"] != handle:
                continue
            if "version" in record:
                versions[record["version"]["id"]] = record["version"]
            if record.get("state", {}).get("day") == day:
                current = dataset, record["ingestion"]["id"], record["state"]["current"]
    if not current or not current[2]:
        sys.exit(f"{handle} has no version of {day}")
    dataset, ingestion, version = current
    return dataset, ingestion, versions[version]


def stored_rows(store, dataset, ingestion, day):
    table = DeltaTable(str(store / dataset))
    rows = []
    for file in files_of(table):
        if f"ingestion={ingestion}/day={day}/" in file:
            rows += pq.ParquetFile(store / dataset / file).read().to_pylist()
    return rows


def files_of(table):
    prefix = table.table_uri.removeprefix("file://").rstrip("/") + "/"
    return [uri.removeprefix("file://").removeprefix(prefix) for uri in table.file_uris()]


def quarantined_rows(store, quarantine):
    return pq.ParquetFile(store.parent / quarantine).read().to_pylist() if quarantine else []


def sums_of(rows):
    """Of each numeric column that has a number."""
    sums = {}
    for column in NUMBERS:
        numbers = [row[column] for row in rows if row.get(column) is not None]
        if numbers:
            sums[column] = math.fsum(numbers)
    return sums


def of_files(store, handle, day):
    """What the stored files prove of a certificate: all but what was never kept."""
    dataset, ingestion, version = claimed(store, handle, day)
    rows = stored_rows(store, dataset, ingestion, day)
    rejects = quarantined_rows(store, version["quarantine"])
    whole = [row for row in rejects if not row["partly_loaded"]]
    partly = [row for row in rejects if row["partly_loaded"]]
    return {"output_rows": len(rows), "sums": sums_of(rows),
            "rejected": len(whole), "partly_loaded": len(partly),
            "rejected_by_reason": dict(Counter(row["reason"] for row in whole)),
            "partly_by_reason": dict(Counter(row["reason"] for row in partly))}


def of_source(fates):
    """The whole certificate from the customer's rows of a day, each told as (fate, why, outputs):
    loaded, partly_loaded, rejected or excluded; the reason or rule; the rows that it becomes."""
    fates = list(fates)
    count = Counter(fate for fate, why, outputs in fates)
    outputs = [row for fate, why, rows in fates for row in rows]

    def reasons(of):
        return dict(Counter(why for fate, why, outputs in fates if fate == of))

    return {"read": len(fates), "source_count": len(fates), "output_rows": len(outputs),
            **{fate: count[fate] for fate in ("loaded", "partly_loaded", "rejected", "excluded")},
            "rejected_by_reason": reasons("rejected"), "partly_by_reason": reasons("partly_loaded"),
            "excluded_by_rule": reasons("excluded"), "sums": sums_of(outputs)}


def differences(certificate, recomputed):
    """Lines that say where they differ: counts exactly, sums of doubles to 1e-9."""
    found = []
    for part, expected in recomputed.items():
        actual = certificate.get(part, {} if isinstance(expected, dict) else 0)
        if part == "sums":
            same = actual.keys() == expected.keys() and all(
                math.isclose(float(actual[column]), total, rel_tol=1e-9, abs_tol=1e-9)
                for column, total in expected.items())
        else:
            same = actual == expected
        if not same:
            found.append(f"{part}: the certificate says {actual}, recomputed {expected}")
    accounted = sum(certificate[fate] for fate in ("loaded", "partly_loaded", "rejected",
                                                   "excluded"))
    if certificate["read"] != accounted:
        found.append(f"{certificate['read']} rows were read, {accounted} are accounted for")
    return found


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    store, handle, day = pathlib.Path(sys.argv[1]), *sys.argv[2:]
    certificate = claimed(store, handle, day)[2]["certificate"]
    recomputed = of_files(store, handle, day)
    found = differences(certificate, recomputed)
    for part, value in recomputed.items():
        print(f"{part:20} {value}")
    print("\n".join(found) if found else "the certificate agrees")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
