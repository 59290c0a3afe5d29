"""Which home a command works in, what belongs to it, and what it refuses."""
import os
import shutil
import subprocess

import pytest

from home import BUILD


def millrace(*words, cwd, **environment):
    kept = {name: value for name, value in os.environ.items() if name != "MILLRACE_HOME"}
    return subprocess.run([BUILD / "millrace", *words], cwd=cwd, capture_output=True, text=True,
                          timeout=30, stdin=subprocess.DEVNULL, env=kept | environment)


def make(folder, unit_type):
    done = millrace("--home", str(folder), "init", "--unit-types", unit_type, cwd=folder.parent)
    assert done.returncode == 0, done.stderr


def units_seen(*words, cwd, **environment):
    """Which home answered: each has a unit type of its own."""
    done = millrace("doctor", *words, cwd=cwd, **environment)
    return next(line.split("unit types ")[1] for line in done.stdout.splitlines()
                if line.startswith("ok  configuration"))


def test_the_home_is_looked_for_in_this_order(tmp_path):
    user = tmp_path / "user"
    user.mkdir()
    for folder, unit in ("given", "a"), ("named", "b"), ("project", "c"), ("user/.millrace", "d"):
        make(tmp_path / folder, unit)
    inside = tmp_path / "project" / "deep" / "er"
    inside.mkdir(parents=True)
    given, named = str(tmp_path / "given"), str(tmp_path / "named")
    me = {"HOME": str(user)}
    assert units_seen("--home", given, cwd=inside, MILLRACE_HOME=named, **me) == "a"
    assert units_seen(cwd=inside, MILLRACE_HOME=named, **me) == "b"
    assert units_seen(cwd=inside, **me) == "c"
    assert units_seen(cwd=tmp_path, **me) == "d"


def test_a_home_that_is_not_there_says_how_to_make_one(tmp_path):
    missing = millrace("--home", str(tmp_path / "nowhere"), "days", "x", cwd=tmp_path)
    assert missing.returncode == 1
    assert f"there is no Millrace home in {tmp_path}/nowhere" in missing.stderr
    assert "millrace init" in missing.stderr


def test_a_second_init_changes_nothing(tmp_path):
    make(tmp_path / "home", "userID")
    before = (tmp_path / "home" / "millrace.toml").read_text()
    again = millrace("--home", str(tmp_path / "home"), "init", "--zone", "UTC", cwd=tmp_path)
    assert again.returncode == 1 and "is a Millrace home already" in again.stderr
    assert (tmp_path / "home" / "millrace.toml").read_text() == before


@pytest.mark.parametrize("option, value, words", [
    ("--zone", "Mars/Crater", 'no time zone is called "Mars/Crater"'),
    ("--unit-types", "user id", '"user id" cannot be the name of a unit type'),
    ("--unit-types", "user,USER", "differ at most by case"),
])
def test_an_init_that_is_refused_leaves_no_home(tmp_path, option, value, words):
    refused = millrace("--home", str(tmp_path / "home"), "init", option, value, cwd=tmp_path)
    assert refused.returncode == 1 and words in refused.stderr
    assert not (tmp_path / "home" / "millrace.toml").exists()


SERVER_TABLES = ['[project]\nzone = "UTC"\n', '[store]\nroot = "elsewhere"\n',
                 '[catalog]\nurl = "other.db"\n', '[files]\nroots = ["/"]\n']


@pytest.mark.parametrize("table", SERVER_TABLES, ids=lambda table: table.split("]")[0][1:])
def test_server_configuration_is_refused_from_any_other_file(shop, table):
    (shop.path / "more.toml").write_text(table)
    said = shop.run("apply", shop.path / "more.toml", code=1).stderr
    name = table.split("]")[0][1:]
    assert f"[{name}] is server configuration" in said and "where: more.toml:1:" in said
    assert f"It belongs in {shop.path}/millrace.toml only" in said
    (shop.path / "more.toml").unlink()
    (shop.path / "millrace.toml").write_text(
        (shop.path / "millrace.toml").read_text().replace("[project]", "[projekt]"))
    said = shop.run("days", "purchases", code=1).stderr
    assert 'unknown key "projekt" in this file; did you mean "project"?' in said


@pytest.mark.parametrize("password, words", [
    ("secret", '"password" of connection db stands here in clear text'),
    ("env:1PW", '"1PW" is no environment variable\'s name'),
    ("file:../outside", '"../outside" is no file under the home'),
    ("file:/etc/passwd", '"/etc/passwd" is no file under the home'),
])
def test_a_literal_secret_or_a_reference_out_of_the_home_is_refused(shop, password, words):
    (shop.path / "db.toml").write_text(
        '[connection.db]\nkind = "postgres"\nhost = "h"\ndatabase = "d"\nuser = "u"\n'
        f'password = "{password}"\n')
    said = shop.run("plan", shop.path / "db.toml", code=1).stderr
    assert words in said and "where: db.toml:6:" in said and "file:secrets/" in said


def test_references_to_secrets_are_refused_from_files_outside_the_home(shop, tmp_path):
    outside = tmp_path / "repository.toml"
    outside.write_text('[connection.db]\nkind = "postgres"\nhost = "h"\ndatabase = "d"\n'
                       'user = "u"\npassword = "env:SHOP_PASSWORD"\n')
    said = shop.run("apply", outside, code=1).stderr
    assert "this file does not lie under the home" in said
    assert "and could send it anywhere" in said
    inside = shop.path / "link.toml"
    inside.symlink_to(outside)
    assert "does not lie under the home" in shop.run("apply", inside, code=1).stderr


class Nobody:
    """Another user, who may run a copy of the program and read the home, and write nothing."""

    def __init__(self, home, build):
        self.home = home
        shutil.copytree(BUILD / "lib", build / "lib")  # links lead into a folder of our own
        self.program = shutil.copy(BUILD / "millrace", build / "millrace")

    def run(self, *words):
        command = [self.program, *self.home.command(*words)[1:]]
        return subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                               *command], capture_output=True, text=True, timeout=60,
                              cwd=self.home.path)


@pytest.fixture
def nobody(shop, tmp_path):
    if os.getuid() != 0:
        pytest.skip("only root can become another user")
    shop.run("load", "purchases", "--day", "2026-11-01")
    (shop.path / "secrets").mkdir(mode=0o700, exist_ok=True)
    closed = [folder for folder in shop.path.parents if folder.stat().st_mode & 0o055 != 0o055]
    modes = [(folder, folder.stat().st_mode & 0o7777) for folder in closed]
    for folder in closed:
        folder.chmod(0o755)
    yield Nobody(shop, tmp_path)
    for folder, mode in modes:
        folder.chmod(mode)


def test_who_may_only_read_a_home_can_ask_and_is_told_why_not_to_change(nobody):
    asked = nobody.run("query", "select count(*) as n from events", "--json")
    assert '"n":10' in asked.stdout, asked.stderr
    assert "succeeded" in nobody.run("days", "purchases").stdout
    for change in (["load", "purchases", "--day", "2026-11-02"], ["apply", "definitions.toml"],
                   ["undo", "purchases", "--day", "2026-11-01"]):
        refused = nobody.run(*change)
        assert refused.returncode == 1
        assert "Let this user write to the file and to its folder" in refused.stderr
        assert "while executing" not in refused.stderr  # no statement of ours
    doctor = nobody.run("doctor")
    assert doctor.returncode == 1 and "BAD store" in doctor.stdout
    assert "Let the user that runs Millrace read and write the folder" in doctor.stdout
