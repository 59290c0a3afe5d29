"""What deploy/ promises, as far as a machine without a container engine can tell."""
import re
import shutil
import subprocess

import pytest

from home import BUILD, ROOT


def out_of(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def installed_by(packages):
    """The packages and all that they depend on."""
    found, left = set(), list(packages)
    while left:
        name = left.pop()
        if name in found:
            continue
        found.add(name)
        asked = subprocess.run(["dpkg-query", "-W", "-f", "${Depends}", name],
                               capture_output=True, text=True)
        left += [re.split(r"[ (:]", needed.strip())[0]
                 for needed in re.split(r"[,|]", asked.stdout) if needed.strip()]
    return found


def test_the_image_has_every_library_that_the_program_loads():
    needed = set()
    for file in [BUILD / "millrace", *(BUILD / "lib" / "millrace").glob("*.so")]:
        needed |= set(re.findall(r"=> (/\S+)", out_of("ldd", file)))
    outside = {path for path in needed if not path.startswith(str(BUILD.resolve()))}
    assert outside
    final = (ROOT / "deploy" / "Dockerfile").read_text().split("FROM debian:12-slim")[1]
    listed = re.search(r"recommends \\\n(.*?)&&", final, re.S)[1].replace("\\", " ").split()
    installed = installed_by(listed)
    for path in outside:
        # Merged /usr: dpkg knows a library by one of two names.
        for name in (path, path.removeprefix("/usr"), "/usr" + path):
            owner = subprocess.run(["dpkg", "-S", name], capture_output=True, text=True).stdout
            if owner:
                break
        assert owner and owner.split(":")[0] in installed, f"{path} of {owner or 'nobody'}"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")
def test_systemd_has_nothing_to_say_about_the_unit(tmp_path):
    unit = tmp_path / "millrace.service"
    text = (ROOT / "deploy" / "millrace.service").read_text()
    assert "/usr/local/bin/millrace" in text
    unit.write_text(text.replace("/usr/local/bin/millrace", str(BUILD.resolve() / "millrace")))
    said = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True)
    assert (said.returncode, said.stderr) == (0, "")
