"""What `--help` says, as a stranger reads it; and that every command of the issue is there."""
import pathlib
import re
import subprocess

from golden import same_as
from home import BUILD

GOLDEN = pathlib.Path(__file__).parent / "golden"


def millrace(*words):
    return subprocess.run([BUILD / "millrace", *words], capture_output=True, text=True, timeout=20)


def commands():
    listed = re.findall(r"^  ([a-z][a-z-]*(?: [a-z]+)?)  +[A-Z]", millrace("--help").stdout, re.M)
    assert "connection add" in listed and "load" in listed
    return listed


def test_the_help_of_everything_and_of_each_command_reads_as_reviewed():
    pages = [[], ["connection"], ["ingestion"], *(command.split() for command in commands())]
    text = ""
    for page in pages:
        shown = millrace(*page, "--help")
        assert (shown.returncode, shown.stderr) == (0, "")
        text += f"$ millrace {' '.join([*page, '--help'])}\n{shown.stdout}\n"
    assert same_as(GOLDEN / "help.txt", text)


def test_no_line_of_help_is_wider_than_a_hundred_columns():
    lines = (GOLDEN / "help.txt").read_text().splitlines()
    assert [line for line in lines if len(line) > 100] == []


def test_each_command_is_in_the_table_of_commands():
    wanted = """
        init; connection kinds; connection add; connection list; connection show;
        connection test; connection tables; connection columns; connection remove; sample; map;
        plan; apply; export; ingestion list; ingestion show; ingestion remove; validate; load;
        check; days; history; diff; undo; release; quarantine; certificate; query; sweep; doctor;
        rebuild-catalog; completion"""
    assert {word.strip() for word in wanted.split(";")} - set(commands()) == set()


def test_without_a_command_the_help_is_shown_and_it_is_wrong_usage():
    bare, group = millrace(), millrace("connection")
    assert (bare.returncode, bare.stdout) == (2, "") and "connection add" in bare.stderr
    assert (group.returncode, group.stdout) == (2, "") and "connection add" in group.stderr


def test_the_version_is_printed():
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", millrace("--version").stdout)
