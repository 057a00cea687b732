"""Letters from font files: shapes whose complexity is known, and the whole way with a font that is everywhere."""

import io
import json
import math
import tarfile
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from toyclip.assets import make_scripts
from toyclip.assets.make_scripts import FONTS, complexity, glyph, sprite
from toyclip.studies.generation.letters import CUTS, SPRITE, letters

DEJAVU = Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf"  # knows Latin, Greek, Georgian and Arabic
BOLD = DEJAVU.with_name("DejaVuSans-Bold.ttf")


def disc(radius: int, holes: tuple[int, ...] = (), times: int = 1) -> Image.Image:
    """A smooth disc, or several side by side, or a ring."""
    side = 2 * radius + 4
    large = Image.new("L", (8 * side * times, 8 * side))
    pen = ImageDraw.Draw(large)
    for i in range(times):
        x, y = 8 * (side * i + side / 2), 4 * side
        for r, fill in ((radius, 255), *((hole, 0) for hole in holes)):
            pen.ellipse([x - 8 * r, y - 8 * r, x + 8 * r, y + 8 * r], fill=fill)
    return large.resize((side * times, side), Image.Resampling.BOX)


def test_complexity_of_shapes_that_are_known():
    assert complexity(disc(60)) == pytest.approx(1, rel=0.03)
    assert complexity(Image.new("L", (100, 60), 255)) == pytest.approx(160**2 * 4 / (4 * math.pi * 6000), rel=0.03)
    assert complexity(disc(60, times=3)) == pytest.approx(3, rel=0.03)
    ring = (60 + 30) ** 2 / (60**2 - 30**2)
    assert complexity(disc(60, holes=(30,))) == pytest.approx(ring, rel=0.04)


def test_complexity_does_not_depend_on_size_or_turn():
    assert complexity(disc(120, holes=(90,))) == pytest.approx(complexity(disc(60, holes=(45,))), rel=0.04)
    bar = Image.new("L", (200, 200))
    ImageDraw.Draw(bar).rectangle((40, 90, 160, 110), fill=255)
    turned = bar.rotate(30, Image.Resampling.BICUBIC)
    assert complexity(turned) == pytest.approx(complexity(bar), rel=0.06)


def test_a_sprite_fills_its_cell_one_way_and_lies_in_the_middle_the_other():
    wide = np.asarray(sprite(Image.new("L", (80, 20), 255)))
    assert wide.shape == (SPRITE, SPRITE)
    assert (np.flatnonzero(wide.any(axis=0)) == np.arange(SPRITE)).all()
    assert np.flatnonzero(wide.any(axis=1)).tolist() == list(range(15, 25))


def test_a_letter_is_cropped_to_its_ink_and_a_missing_one_refused():
    font = ImageFont.truetype(str(DEJAVU), make_scripts.DRAWN)
    found = glyph(font, "H")
    assert found.getbbox() == (0, 0, *found.size)
    with pytest.raises(ValueError, match="has no letter 'க'; leave it out"):
        glyph(font, "க")


def test_all_the_way_from_packages_to_sheet(tmp_path, monkeypatch, capsys):
    few = {"Latin": ("AB", False), "Greek": ("ΔΘ", False), "Arabic": ("ﺤﻄ", True)}
    monkeypatch.setattr(
        make_scripts,
        "FONTS",
        {
            name: make_scripts.Script(name.lower(), f"{name.lower()}-serif", name.lower(), *some)
            for name, some in few.items()
        },
    )
    for name in few:
        for package in (name.lower(), f"{name.lower()}-serif"):
            with tarfile.open(make_scripts.archive(tmp_path, package), "w:gz") as packed:
                for weight, path in ((400, DEJAVU), (700, BOLD)):
                    about = tarfile.TarInfo(f"package/files/noto-{package}-{name.lower()}-{weight}-normal.woff")
                    about.size = path.stat().st_size
                    packed.addfile(about, io.BytesIO(path.read_bytes()))
    out = tmp_path / "out"
    out.mkdir()
    monkeypatch.setattr(make_scripts, "__file__", str(out / "make_scripts.py"))
    make_scripts.main(tmp_path)
    about = json.loads((out / "scripts.json").read_text(encoding="utf-8"))
    assert [(row["script"], row["letter"]) for row in about["letters"]] == [
        (name, letter) for name, (some, _) in few.items() for letter in some
    ]
    regular = ImageFont.truetype(str(DEJAVU), make_scripts.DRAWN, layout_engine=ImageFont.Layout.BASIC)
    for row in about["letters"]:  # of the regular cuts, not of the bold ones
        assert row["complexity"] == pytest.approx(complexity(glyph(regular, row["letter"])), abs=0.006)
    assert about["joined"] == ["Arabic"]
    assert len(about["packages"]) == 6
    sheet = Image.open(out / "scripts.png").convert("L")
    assert sheet.size == (CUTS * SPRITE, 6 * SPRITE)
    assert all(sheet.crop((0, i * SPRITE, SPRITE, (i + 1) * SPRITE)).getbbox() for i in range(6))
    assert "6 letters" in capsys.readouterr().out


def test_the_sheet_that_comes_with_the_package_holds_these_letters():
    told = [(name, letter) for name, script in FONTS.items() for letter in script.letters]
    assert [(x.script, x.letter) for x in letters()] == told
    assert {x.script for x in letters() if x.joined} == {name for name, script in FONTS.items() if script.joined}


def test_complexity_on_the_sheet_is_about_that_in_the_table():
    """Measured again on the small pictures: coarser, but in nearly the same order."""
    told = [x.complexity for x in letters()]
    again = [
        np.mean([complexity(x.cuts[i].resize((160, 160), Image.Resampling.BICUBIC)) for i in (0, 2)]) for x in letters()
    ]
    assert np.corrcoef(told, again)[0, 1] > 0.9
