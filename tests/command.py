"""The command line in the process of the tests; a plugin, so that `make faults`, which has no book, finds it too."""

import sys
from collections.abc import Callable

import pytest

from toyclip import cli


@pytest.fixture
def toyclip(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run the command line in this process: (exit code, stdout, stderr), with what libraries write by themselves."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["toyclip", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main()
        printed = capfd.readouterr()
        return end.value.code or 0, printed.out, printed.err

    return run
