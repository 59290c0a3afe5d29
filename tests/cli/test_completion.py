"""Completion as bash and zsh really do it: the script is sourced, and their own machinery asks."""
import shutil
import subprocess

import pytest

from home import BUILD

BASH = """
PATH={build}:$PATH
source <(millrace completion bash)
COMP_WORDS=({words})
COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
compopt() {{ :; }}  # it works only inside a completion that a person asked for
_millrace
printf '%s\\n' "${{COMPREPLY[@]}}"
complete -p millrace >&2
"""


def completed(home, line):
    """The words that bash offers at the end of the line."""
    words = " ".join(f"'{word}'" for word in f"millrace {line}".split(" "))
    done = subprocess.run(["bash", "-c", BASH.format(build=BUILD, words=words)],
                          capture_output=True, text=True, timeout=20, cwd=home.warehouse,
                          env={"PATH": "/usr/bin:/bin", "MILLRACE_HOME": str(home.path)})
    assert "complete -F _millrace millrace" in done.stderr
    return [word for word in done.stdout.splitlines() if word]


@pytest.mark.parametrize("line, offered", [
    ("lo", ["load"]),
    ("connection t", ["tables", "test"]),
    ("ingestion ", ["list", "remove", "show"]),
    ("load ", ["kpi", "purchases"]),
    ("load p", ["purchases"]),
    ("load purchases --s", ["--stale"]),
    ("load purchases --day 2026-11-01 --j", ["--jobs", "--json"]),
    ("load --day ", []),
    ("connection test ", ["lake"]),
    ("connection add ", ["databricks", "delta_sharing", "files", "postgres", "redshift", "s3"]),
    ("connection kinds po", ["postgres"]),
    ("sample --connection ", ["lake"]),
    ("map --dataset e", ["entity_properties", "events", "exposures"]),
    ("apply x.toml --rebuild ", ["all", "none", "window"]),
    ("export ", ["kpi", "lake", "purchases"]),
    ("completion ", ["bash", "zsh"]),
    ("apply k", ["kpi.parquet"]),
    ("--home /nowhere load ", []),
    ("nonsense ", []),
])
def test_bash_completes_commands_names_options_choices_and_files(known_shop, line, offered):
    assert completed(known_shop, line) == offered


def test_every_command_is_offered(known_shop):
    offered = completed(known_shop, "")
    assert {"init", "connection", "load", "query", "rebuild-catalog"} <= set(offered)
    assert offered == sorted(offered)


ZSH = """
PATH={build}:$PATH
autoload -Uz compinit && compinit -D -u
source <(millrace completion zsh)
compadd() {{ shift; print -l -- "$@"; }}  # what it would offer
words=({words}) CURRENT=${{#words}}
_files() {{ print FILES; }}
_millrace
"""


@pytest.mark.parametrize("line, offered", [
    ("connection t", ["tables", "test"]),
    ("load ", ["kpi", "purchases"]),
    ("apply x.toml --rebuild ", ["all", "none", "window"]),
    ("apply ", ["FILES"]),
])
def test_zsh_completes_the_same(known_shop, line, offered):
    zsh = shutil.which("zsh")
    assert zsh, "zsh is missing; `tools/setup test` installs it"
    words = " ".join(f"'{word}'" for word in f"millrace {line}".split(" "))
    done = subprocess.run([zsh, "-f", "-c", ZSH.format(build=BUILD, words=words)],
                          capture_output=True, text=True, timeout=20, cwd=known_shop.warehouse,
                          env={"PATH": "/usr/bin:/bin", "MILLRACE_HOME": str(known_shop.path)})
    assert done.stdout.split() == offered, done.stderr
