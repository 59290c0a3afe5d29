"""Loads one table of PostgreSQL into Parquet with dlt and its connectorx backend: URL TABLE FOLDER.

Prints the seconds of the load alone, without the imports.
"""
import sys
import time

import dlt
from dlt.destinations import filesystem
from dlt.sources.sql_database import sql_table

url, table, folder = sys.argv[1:]
start = time.monotonic()
rows = sql_table(
    credentials=url.replace("postgresql://", "postgresql+psycopg://"), table=table,
    backend="connectorx", backend_kwargs={"conn": url, "return_type": "arrow"})
pipeline = dlt.pipeline("bench", pipelines_dir=f"{folder}/state", dataset_name="out",
                        destination=filesystem(bucket_url=f"file://{folder}"))
pipeline.run(rows, loader_file_format="parquet")
print(time.monotonic() - start)
