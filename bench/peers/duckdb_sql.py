"""Runs SQL in a DuckDB of its own, prints the last answer as JSON: SQL [EXTENSION FILE]…"""
import json
import sys

import duckdb

connection = duckdb.connect()
for extension in sys.argv[2:]:
    connection.execute(f"load '{extension}'")
rows = connection.execute(sys.argv[1]).fetchall()
print(json.dumps(rows, default=str))
