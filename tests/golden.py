"""Texts that people or scripts read, compared with files under review: MILLRACE_GOLDEN=write
rewrites them (`make golden`), and the diff shows what changed for the reader."""
import json
import os
import re

KINDS = [
    ("<id>", r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    ("<revision>", r"r-[0-9a-f]{16}"),
    ("<instant>", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"),
    ("<server>", r"duckdb \d+(\.\d+)+"),
    ("<digits>", r"-?\b\d{15,}\b"),
    ("<size>", r"[\d.]+ [kMGT]B"),
    ("<lib>", r"/\S*/lib/millrace\b"),
    ("yesterday in UTC is <day>", r"yesterday in UTC is [\d-]+"),
]
VARYING_NUMBERS = {"bytes", "seconds", "seconds_left", "rows_per_second"}
VARYING_TEXTS = {"sum": "<sum>", "token": "<token>", "stats": "<JSON text>"}


def same_as(path, text):
    """True when the file holds this text, or was made to."""
    if os.environ.get("MILLRACE_GOLDEN") == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert path.exists(), f"{path} is missing; write it with `make golden`"
    assert text == path.read_text(), f"if this is right, rewrite {path.name} with `make golden`"
    return True


def shape(value, folder=None, key=""):
    """The document with what varies from run to run replaced by its kind."""
    if isinstance(value, dict):
        inner = "took_ms" if key == "took_ms" else ""
        return {shape_text(name, folder): shape(item, folder, inner or name)
                for name, item in value.items()}
    if isinstance(value, list):
        return [shape(item, folder, key) for item in value]
    if isinstance(value, str):
        return VARYING_TEXTS.get(key) or shape_text(value, folder)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return "<number>" if key in VARYING_NUMBERS or key == "took_ms" else value
    return value


def shape_text(text, folder):
    if folder:
        text = text.replace(str(folder), "<folder>")
    for kind, pattern in KINDS:
        text = re.sub(pattern, kind, text)
    return text


def same_shape_as(path, document, folder=None):
    text = json.dumps(shape(document, folder), indent=2, ensure_ascii=False)
    return same_as(path, text + "\n")
