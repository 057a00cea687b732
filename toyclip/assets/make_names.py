"""Make names.json: what the emoji of the sheet are called in five languages, from Unicode's CLDR.

    npm pack cldr-annotations-full@48.2.0 && tar xzf cldr-annotations-full-48.2.0.tgz
    python -m toyclip.assets.make_names package/annotations

One list a language, in the order of emoji.csv: the name first, then the keywords, as CLDR writes them.
"""

import json
import sys
from pathlib import Path

from toyclip.files import write_whole
from toyclip.pictures import emoji

LANGUAGES = ("en", "de", "es", "hi", "ja")
KEYWORDS = 4  # of each emoji and language at most
SOURCE = "Unicode CLDR 48.2.0, npm cldr-annotations-full, Unicode-3.0"


def names(annotations: Path, language: str) -> list[list[str]]:
    """Name and keywords of every emoji of the sheet; the few that CLDR does not name get none."""
    text = (annotations / language / "annotations.json").read_text(encoding="utf-8")
    told = json.loads(text)["annotations"]["annotations"]
    entries = [told.get(e.character, {}) for e in emoji()]
    return [
        entry.get("tts", [])[:1] + [k for k in entry.get("default", []) if [k] != entry["tts"]][:KEYWORDS]
        for entry in entries
    ]


def main() -> None:
    table = {"source": SOURCE} | {language: names(Path(sys.argv[1]), language) for language in LANGUAGES}
    rows = [f" {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in table.items()]
    text = "{\n" + ",\n".join(rows) + "\n}\n"
    path = Path(__file__).with_name("names.json")
    write_whole(path, lambda beside: beside.write_text(text, encoding="utf-8"))
    print(f"{len(table['en'])} emoji in {len(LANGUAGES)} languages, {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
