#!/usr/bin/env python3
"""Runs SQL statements in the pinned DuckDB library: `engine_sql.py LIBDUCKDB 'sql' …`.

The demo and the tests make and edit Parquet files with it, as a customer's own tools would, so that
no second copy of the engine has to be installed.
"""
import ctypes
import sys


class Result(ctypes.Structure):
    _fields_ = [("opaque", ctypes.c_uint64 * 8)]


class Engine:
    """One in-memory database. Values come back as text, NULL as None."""

    def __init__(self, library):
        self.api = ctypes.CDLL(library)
        self.api.duckdb_result_error.restype = ctypes.c_char_p
        self.api.duckdb_row_count.restype = ctypes.c_uint64
        self.api.duckdb_column_count.restype = ctypes.c_uint64
        self.api.duckdb_value_varchar.restype = ctypes.c_void_p
        self.database, self.connection = ctypes.c_void_p(), ctypes.c_void_p()
        assert self.api.duckdb_open(None, ctypes.byref(self.database)) == 0
        assert self.api.duckdb_connect(self.database, ctypes.byref(self.connection)) == 0

    def sql(self, text):
        result = Result()
        state = self.api.duckdb_query(self.connection, text.encode(), ctypes.byref(result))
        try:
            if state != 0:
                raise RuntimeError(self.api.duckdb_result_error(ctypes.byref(result)).decode())
            rows = self.api.duckdb_row_count(ctypes.byref(result))
            columns = self.api.duckdb_column_count(ctypes.byref(result))
            return [[self._text(result, column, row) for column in range(columns)]
                    for row in range(rows)]
        finally:
            self.api.duckdb_destroy_result(ctypes.byref(result))

    def _text(self, result, column, row):
        pointer = self.api.duckdb_value_varchar(
            ctypes.byref(result), ctypes.c_uint64(column), ctypes.c_uint64(row))
        if not pointer:
            return None
        text = ctypes.string_at(pointer).decode()
        self.api.duckdb_free(ctypes.c_void_p(pointer))
        return text


if __name__ == "__main__":
    engine = Engine(sys.argv[1])
    for statement in sys.argv[2:]:
        for row in engine.sql(statement):
            print("\t".join("" if cell is None else cell for cell in row))
