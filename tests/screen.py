"""A terminal of our own: what a person would see and type."""
import codecs
import os
import pty
import re
import select
import struct
import termios
import fcntl
import time


class Screen:
    """Runs a command on a terminal of so many columns; `text` is what it has shown so far."""

    def __init__(self, command, columns=100, environment=None):
        self.text = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.code = None
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.environ.update({"TERM": "xterm"} | (environment or {}))
            os.execv(command[0], command)
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))

    def until(self, words, seconds=30):
        """Reads until these words are shown; what came after the last call counts."""
        begin = len(self.text)
        deadline = time.monotonic() + seconds
        while words not in self.text[begin:]:
            assert time.monotonic() < deadline, f"never saw {words!r} in {self.text!r}"
            if not self._read(0.2) and self.code is not None:
                raise AssertionError(f"ended without {words!r}: {self.text!r}")
        return self

    def type(self, line):
        os.write(self.terminal, (line + "\n").encode())
        return self

    def interrupt(self):
        """Ctrl-C: the terminal sends the signal to whatever runs in front."""
        os.write(self.terminal, b"\x03")
        return self

    def end(self, seconds=60):
        deadline = time.monotonic() + seconds
        while self.code is None:
            assert time.monotonic() < deadline, f"does not end: {self.text!r}"
            self._read(0.2)
        os.close(self.terminal)
        return self

    @property
    def lines(self):
        """Lines as a terminal leaves them, without colours: a line drawn again replaces itself."""
        plain = re.sub(r"\x1b\[[0-9;]*m", "", self.text)
        return [line.split("\r\x1b[K")[-1] for line in plain.split("\r\n")]

    def _read(self, seconds):
        if not select.select([self.terminal], [], [], seconds)[0]:
            return False
        try:
            self.text += self._decoder.decode(os.read(self.terminal, 65536))
            return True
        except OSError:  # the other end is closed
            self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            return False
