"""Prints, as a constraints file, the oldest versions that pyproject.toml allows: `make test CONSTRAINTS=oldest.txt`.

Of a lower bound such as 2.0 the newest 2.0.x is taken. Needs nothing but Python, since it runs before all is installed.
"""

import re
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"


def oldest(requirement: str) -> str:
    """The pin to the lower bound of a requirement.

    >>> oldest("numpy>=2.0"), oldest("jupyter-book>=1.0.4.post1,<2")
    ('numpy==2.0.*', 'jupyter-book==1.0.4.post1')
    """
    name, version = re.fullmatch(r"([\w.-]+)>=([\w.]+)(?:,.*)?", requirement).groups()
    return f"{name}=={version}" + (".*" if re.fullmatch(r"[\d.]+", version) else "")


def pins() -> list[str]:
    """One for each package that `make` installs."""
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    return sorted({oldest(line) for line in [*project["dependencies"], *extras["book"], *extras["test"]]})


if __name__ == "__main__":
    print("\n".join(pins()))
