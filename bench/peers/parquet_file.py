"""Writes the answer of SQL over an attached PostgreSQL as Parquet: EXTENSION ADDRESS SQL FILE ROWS.

As other writers do, with row groups of so many rows and pages of a megabyte.
"""
import sys

import duckdb
import pyarrow.parquet as parquet

extension, address, sql, file, rows = sys.argv[1:]
connection = duckdb.connect(config={"preserve_insertion_order": "false", "memory_limit": "4GB"})
connection.execute(f"load '{extension}'; attach '{address}' as shop (type postgres, read_only)")
answer = connection.execute(f"from postgres_query('shop', $${sql}$$)")
batches = answer.fetch_record_batch(int(rows))
with parquet.ParquetWriter(file, batches.schema, compression="zstd") as writer:
    for batch in batches:
        writer.write_batch(batch, row_group_size=int(rows))
print("[]")
