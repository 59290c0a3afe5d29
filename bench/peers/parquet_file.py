"""Writes the answer of SQL over an attached PostgreSQL as Parquet: EXTENSION ADDRESS SQL FILE ROWS.

As other writers do, with row groups of so many rows and pages of a megabyte.
"""
import sys

import duckdb
import psycopg
import pyarrow
import pyarrow.parquet as parquet

extension, address, sql, file, rows = *sys.argv[1:5], int(sys.argv[5])


def by_duckdb():
    connection = duckdb.connect(config={"preserve_insertion_order": "false"})
    connection.execute(f"load '{extension}'; attach '{address}' as shop (type postgres, read_only)")
    answer = connection.execute(f"from postgres_query('shop', $${sql}$$)")
    yield from answer.fetch_record_batch(rows)


def by_psycopg():
    """For rows of which DuckDB's 2,048 at a time would not fit any memory."""
    with psycopg.connect(address) as connection, connection.cursor("rows") as cursor:
        cursor.execute(sql)
        while found := cursor.fetchmany(rows):
            names = [column.name for column in cursor.description]
            yield pyarrow.RecordBatch.from_pylist([dict(zip(names, row)) for row in found])


batches = by_duckdb() if rows >= 2048 else by_psycopg()
first = next(batches)
with parquet.ParquetWriter(file, first.schema, compression="zstd") as writer:
    writer.write_batch(first, row_group_size=rows)
    for batch in batches:
        writer.write_batch(batch, row_group_size=rows)
