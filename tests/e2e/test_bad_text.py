"""Text that is not UTF-8: its row is rejected, its bytes are kept, whoever let it through."""
import json

from servers.postgres import Database

INGESTION = """
[ingestion.signs]
connection = "%s"
dataset = "events"
query = '''%s'''
[ingestion.signs.mapping]
event_name = "kind"
timestamp = "ts"
ids = { userID = "user_id" }
[ingestion.signs.limits]
max_rejected = "90%%"
"""
DAY = ("--day", "2026-11-01")
DAYS = ("--from", "2026-11-01", "--to", "2026-11-02")


def load(home, days=DAY):
    proof = home.json("load", "signs", *days)[0]["certificate"]
    rejected = home.json("quarantine", "signs", *DAY, code=0 if proof["rejected"] else 3)
    return proof["loaded"], [(r["reason"], json.loads(r["original"])["user_id"]) for r in rejected]


def test_functions_that_know_only_bytes_cannot_bring_broken_text_into_the_store(home, engine):
    home.init()
    engine.sql(f"""copy (select timestamp '2026-11-01 01:00' as ts, 'view' as kind,
        'zoé' as user_id) to '{home.warehouse}/e.parquet' (format parquet)""")
    for user in ("printf('%c', 200)", "\"printf\"('%c', 200)", r"regexp_replace('é', '\C', 'x')"):
        home.apply(home.connect_files() + INGESTION % ("lake", f"""
            select ts, kind, user_id from 'e.parquet'
            union all select ts, kind, {user} from 'e.parquet'"""))
        for days in DAY, DAYS:
            loaded, rejected = load(home, days)
            assert loaded == 1
            assert [reason for reason, _ in rejected] == ["bad_text"], user
            assert rejected[0][1] in (r"\xC8", r"x\xA9"), user


def test_a_file_that_is_not_utf8_is_named_with_the_line_and_what_to_do(home):
    home.init()
    (home.warehouse / "e.csv").write_bytes(
        b"ts,kind,user_id\n2026-11-01 01:00:00,view,zoe\n2026-11-01 02:00:00,view,zo\xe9\n")
    (home.warehouse / "e.json").write_bytes(
        b'{"ts":"2026-11-01 01:00:00","kind":"view","user_id":"zo\xe9"}\n')

    def failed(source):
        home.apply(home.connect_files() + INGESTION % (
            "lake", f"select ts::timestamp as ts, kind, user_id from {source}"))
        error = home.json("load", "signs", *DAY, code=1)[0]["error"]
        assert (error["code"], error["fault"]) == ("bad_text", "bad_data")
        assert "ignore_errors" not in str(error) and "\n" not in error["message"]
        return error["message"], error["advice"]

    message, advice = failed("'e.csv'")
    assert f"{home.warehouse}/e.csv, line 3: Invalid unicode" in message
    assert advice.endswith("or name its encoding in the query: read_csv('…', encoding = 'latin-1')")
    message, advice = failed("'e.json'")
    assert "e.json" in message and advice.startswith("Write the file again as UTF-8")
    home.apply(home.connect_files() + INGESTION % (
        "lake", "select ts, kind, user_id from read_csv('e.csv', encoding = 'latin-1')"))
    assert load(home) == (2, [])
    users = home.rows('select "unit_userID" as u from events')
    assert {row["u"] for row in users} == {"zoe", "zoé"}


def test_a_database_that_checks_no_encoding_has_its_broken_rows_rejected(home, postgres):
    name = "bytes_as_they_come"
    with postgres.admin() as admin:
        admin.execute(f"""create database {name} encoding 'SQL_ASCII' locale 'C'
                          template template0""")
    database = Database(postgres, name)
    try:
        database.sql("""create table signs as select timestamptz '2026-11-01 01:00Z' as ts,
            'view' as kind, convert_from(b, 'SQL_ASCII') as user_id
            from (values ('\\xc8'::bytea), ('\\x7a6fc3a9'), ('zoe')) as v(b)""")
        home.init()
        home.apply(database.connection() + INGESTION % ("shop", "select * from signs"))
        for days in DAY, DAYS:
            assert load(home, days) == (2, [("bad_text", r"\xC8")])
            users = home.rows('select "unit_userID" as u from events order by 1')
            assert users == [{"u": "zoe"}, {"u": "zoé"}]
            assert not home.json("check", "signs", *DAY)[0]["changed"]
        assert [row["problem"] for row in home.json("sample", "signs", *DAY)["rows"]
                if row["problem"]] == ["bad_text"]
        home.apply(database.connection() + INGESTION % (
            "shop", "select ts, kind, user_id::int::text as user_id from signs"))
        failed = home.json("load", "signs", *DAY, code=1)[0]["error"]
        assert "invalid input syntax for type integer" in failed["in_full"]
        assert "zo" not in failed["message"]
    finally:
        database.drop()


def test_a_database_in_another_encoding_gives_the_same_text(home, postgres):
    name = "latin"
    with postgres.admin() as admin:
        admin.execute(f"create database {name} encoding 'LATIN1' locale 'C' template template0")
    database = Database(postgres, name)
    try:
        database.sql("""create table signs as select timestamptz '2026-11-01 01:00Z' as ts,
            'view' as kind, 'zo' || chr(233) as user_id""")
        home.init()
        home.apply(database.connection() + INGESTION % ("shop", "select * from signs"))
        assert load(home) == (1, [])
        assert home.rows('select "unit_userID" as u from events') == [{"u": "zoé"}]
    finally:
        database.drop()
