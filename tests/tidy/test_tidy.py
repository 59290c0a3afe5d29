"""Each house rule finds its failing example, and says nothing about the same thing done well."""

import importlib.util
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "tools/tidy.py"
spec = importlib.util.spec_from_file_location("tidy", TOOL)
tidy = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tidy)

LAYERS = "base :\nmodel : base\nwarehouse : base model\n"
HOST = "npm" + "js.org"
HEADER = "#pragma once\n"


def found(tmp_path, files, layers=LAYERS):
    for path, text in {"src/layers.txt": layers, **files}.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return list(tidy.problems(tmp_path))


def function(lines):
    return "void long_one() {\n" + "  step();\n" * (lines - 2) + "}\n"


BAD = {
    "a lower folder includes a higher one":
        ({"src/base/a.cpp": '#include "model/day.h"\n', "src/model/day.h": HEADER},
         "base may not include model/day.h"),
    "an include that is not rooted at src":
        ({"src/model/a.cpp": '#include "day.h"\n', "src/model/day.h": HEADER},
         "includes are rooted at src/"),
    "a folder without a row":
        ({"src/extra/a.cpp": ""}, "src/extra has no row"),
    "a connector that includes its sibling":
        ({"src/warehouse/s3/a.cpp": '#include "warehouse/files/b.h"\n',
          "src/warehouse/files/b.h": HEADER, "src/warehouse/files/kind.cpp": ""},
         "may not include its sibling files"),
    "a heavy header in a header that another folder includes":
        ({"src/base/a.h": HEADER + "#include <nlohmann/json.hpp>\n",
          "src/model/b.cpp": '#include "base/a.h"\n'}, "json.hpp in a header"),
    "a header without a guard": ({"src/base/a.h": "int f();\n"}, "#pragma once"),
    "the real clock": ({"src/base/a.cpp": "auto t = system_clock::now();\n"}, "ask Env"),
    "a thread that nobody joins": ({"src/base/a.cpp": "std::thread t;\n"}, "std::jthread"),
    "shared ownership without a reason":
        ({"src/base/a.cpp": "std::shared_ptr<int> p;\n"}, "own it once"),
    "the environment, outside base": ({"src/model/a.cpp": 'getenv("HOME");\n'}, "banned"),
    "unseeded randomness": ({"src/base/a.cpp": "std::random_device d;\n"}, "ask Env"),
    "a wait that cannot be stopped": ({"src/base/a.cpp": "sleep_for(1s);\n"}, "stop_token"),
    "a long line": ({"src/base/a.cpp": "//" + "x" * 99 + "\n"}, "101 columns"),
    "a long function": ({"src/base/a.cpp": function(71)}, "71 lines in one function"),
    "a long file": ({"src/base/a.cpp": "int x;\n" * 401}, "401 lines, at most 400"),
    "a long connector":
        ({"src/warehouse/s3/kind.cpp": "int x;\n" * 400,
          "src/warehouse/s3/a.cpp": "int x;\n" * 401},
         "801 lines in this connector"),
    "a drawer": ({"src/base/string_utils.cpp": ""}, "is a drawer"),
    "a test that no program contains": ({"tests/day_test.cpp": ""}, "move it beside what it tests"),
    "a test that the build does not know":
        ({"src/base/a_test.cpp": "", "build/lint/compile_commands.json": "[]"}, "is not built"),
    "a broken link": ({"docs/a.md": "see [b](b.md#part)\n"}, "broken link to b.md"),
    "a pin that nobody explained":
        ({"tools/pins.tsv": "# name\nleft_pad\t1.0\twheel:left-pad\t1\tbuild\tabc\n"},
         "`left-pad` has no line in docs/dependencies.md"),
    "a Debian package that nobody explained":
        ({"tools/setup": 'declare -A debian=(\n  [test]="postgresql zsh"\n)\n',
          "docs/dependencies.md": "Debian `zsh`\n"},
         "`postgresql` has no line in docs/dependencies.md"),
    "a picture of other layers": ({"docs/architecture.md": "base : model\n"},
                                  "does not hold src/layers.txt"),
    "a registry's host": ({"tools/a.sh": f"curl {HOST}/x\n"}, "names the registry"),
    "a path of one machine": ({"docs/a.md": "cd /ro" + "ot/millrace\n"}, "path of one machine"),
}


@pytest.mark.parametrize("files, complaint", BAD.values(), ids=BAD.keys())
def test_finds(tmp_path, files, complaint):
    assert [text for text in found(tmp_path, files) if complaint in text]


def test_finds_a_row_that_names_a_folder_above_it(tmp_path):
    assert "model names warehouse" in found(tmp_path, {}, "model : warehouse\nwarehouse :\n")[0]


GOOD = {
    "an include that the row names":
        {"src/model/a.cpp": '#include "base/env.h"\n', "src/base/env.h": HEADER},
    "a forward declaration of JSON":
        {"src/base/a.h": HEADER + "#include <nlohmann/json_fwd.hpp>\n",
         "src/model/b.cpp": '#include "base/a.h"\n'},
    "a heavy header that stays inside its folder":
        {"src/base/a.h": HEADER + "#include <duckdb.h>\n",
         "src/base/b.cpp": '#include "base/a.h"\n'},
    "the clock where it lives": {"src/base/env.cpp": "return system_clock::now();\n"},
    "a banned word in a comment": {"src/base/a.cpp": "// not std::thread, which is not joined\n"},
    "a joined thread's facts": {"src/base/a.cpp": "std::thread::hardware_concurrency();\n"},
    "shared ownership with a reason":
        {"src/base/a.cpp": "std::shared_ptr<int> p;  // shared: every job reads it\n"},
    "shared ownership with a reason one line up":
        {"src/base/a.cpp": "// shared: every job reads it\nstd::shared_ptr<int> p;\n"},
    "what two connectors share":
        {"src/warehouse/s3/kind.cpp": '#include "warehouse/lake/b.h"\n',
         "src/warehouse/lake/b.h": HEADER},
    "100 columns of umlauts": {"src/base/a.cpp": "//" + "ü" * 98 + "\n"},
    "a function of 70 lines": {"src/base/a.cpp": function(70)},
    "long text inside a function's raw string":
        {"src/base/a.cpp": 'void f() {\n  sql = R"(\n' + "select\n}\n" * 10 + ')";\n}\n'},
    "many functions in one namespace":
        {"src/base/a.cpp": "namespace a {\n" + function(40) * 2 + "}  // namespace a\n"},
    "pins and packages with a line":
        {"tools/pins.tsv": "trino\t1\tmaven:io.x\t1\ttest\ta\npsycopg[b]\t3\tvenv\t4\ttest\t-\n",
         "tools/setup": 'declare -A debian=(\n  [build]="g++\n           cmake"\n)\n',
         "docs/dependencies.md": "`trino` `psycopg` `g++` `cmake`\n"},
    "the picture of these layers": {"docs/architecture.md": "```\n" + LAYERS + "```\n"},
    "links that lead somewhere":
        {"docs/a.md": "[b](b.md) [c](https://example.com) `[d](d.md)`\n", "docs/b.md": ""},
}


@pytest.mark.parametrize("files", GOOD.values(), ids=GOOD.keys())
def test_is_silent_about(tmp_path, files):
    assert found(tmp_path, files) == []


def test_this_tree_is_tidy():
    # What lint last built may be older than the tree.
    assert [problem for problem in tidy.problems(TOOL.parents[1])
            if "is not built" not in problem] == []
