"""Shards are plain tars that any program reads; what is damaged in one costs itself and nothing else."""

import io
import subprocess
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from toyclip import streams
from toyclip.data import CAPTIONS, CLASSES, draw
from toyclip.errors import InputError
from toyclip.large.shards import Damage, Record, count, described, png, records, shard_paths, write_shards


def pack(path: Path, members: dict[str, bytes]) -> Path:
    """A tar of these files, by Python's tarfile."""
    with tarfile.open(path, "w") as tar:
        for name, content in members.items():
            about = tarfile.TarInfo(name)
            about.size = len(content)
            tar.addfile(about, io.BytesIO(content))
    return path


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> list[Path]:
    return write_shards(tmp_path_factory.mktemp("world") / "new" / "folder", pictures=25, per_shard=10, seed=3)


# --- writing ---------------------------------------------------------------------------------------------------------


def test_shards_hold_the_pictures_that_the_world_draws(world):
    """Read by tar and Pillow; drawn again by hand."""
    assert [path.name for path in world] == [f"shapes-00000{i}.tar" for i in range(3)]
    for number, path in enumerate(world):
        rng = streams.rng(3, "shard", number)
        classes = rng.integers(16, size=10 if number < 2 else 5)
        names = subprocess.run(["tar", "tf", path], capture_output=True, text=True, check=True).stdout.split()
        assert names == [f"{10 * number + i:09d}.{kind}" for i in range(len(classes)) for kind in ("png", "txt")]
        for c, record in zip(classes, records(path), strict=True):
            assert record.caption.decode() == CAPTIONS[c]
            assert np.array_equal(np.asarray(Image.open(io.BytesIO(record.picture))), draw(*CLASSES[c], rng))
        assert count(path) == len(classes)


def test_same_seed_same_bytes_and_classes_are_mixed(world, tmp_path):
    again, other = (write_shards(tmp_path / str(s), 25, 10, s, on_shard=done.append) for s, done in ((3, []), (4, [])))
    for path, same, another in zip(world, again, other, strict=True):
        assert path.read_bytes() == same.read_bytes() != another.read_bytes()
    assert described(world) == described(again)
    captions = [record.caption for path in world for record in records(path)]
    assert captions != sorted(captions)


def test_a_folder_with_shards_is_not_written_into(world):
    with pytest.raises(InputError, match="holds shards already; give an empty folder"):
        write_shards(world[0].parent, 5)


@pytest.mark.parametrize(("pictures", "per_shard"), [(0, 10), (10, 0)])
def test_no_pictures_are_refused(pictures, per_shard, tmp_path):
    with pytest.raises(InputError, match="numbers of at least 1"):
        write_shards(tmp_path / "no", pictures, per_shard)
    assert not (tmp_path / "no").exists()


def test_disk_that_fills_up_leaves_whole_shards_only(tmp_path, monkeypatch):
    write, written = Path.write_bytes, []

    def full(beside, content):
        written.append(content)
        write(beside, content if len(written) < 3 else content[:1000])
        if len(written) == 3:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(InputError, match=r"cannot write .*shapes-000002.tar' \(No space left on device\)"):
        write_shards(tmp_path, 50, 10)
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["shapes-000000.tar", "shapes-000001.tar"]
    assert [sum(isinstance(r, Record) for r in records(p)) for p in sorted(tmp_path.iterdir())] == [10, 10]


def test_a_place_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot make the folder"):
        write_shards(tmp_path / "file", 5)


# --- which shards ----------------------------------------------------------------------------------------------------


def test_shards_are_found_by_folder_pattern_range_and_name(world):
    folder = world[0].parent
    for where in (folder, folder / "*.tar", folder / "shapes-{000000..000002}.tar"):
        assert shard_paths(str(where)) == world
    assert shard_paths(str(world[1])) == [world[1]]
    assert shard_paths(str(folder / "shapes-{000001..000002}.tar")) == world[1:]


@pytest.mark.parametrize(
    ("where", "told"),
    [("nowhere", "there is no shard .*nowhere'; write it again, or leave it out"), ("*.tgz", "there is no shard at"),
     ("{1..0}.tar", "there is no shard at"), ("{0..99999999}.tar", "too many"), ("none", "there is no shard at"),
     ("shapes-{0..1}.tar", "there is no shard .*shapes-1.tar"), ("bytes.tar", r"bytes.tar' \(it is empty\)"),
     ("empty.tar", "empty.tar' is empty"), ("text.tar", "cannot read the shard .*text.tar"), ("a\0b", "shard")],
)  # fmt: skip
def test_missing_empty_and_foreign_shards_are_one_line(where, told, tmp_path):
    (tmp_path / "none").mkdir()
    pack(tmp_path / "shapes-0.tar", {"0.png": b"", "0.txt": b""})
    pack(tmp_path / "empty.tar", {})
    (tmp_path / "bytes.tar").write_bytes(b"")
    (tmp_path / "text.tar").write_text("a red circle " * 100)
    with pytest.raises(InputError, match=told) as error:
        shard_paths(str(tmp_path / where))
    assert len(str(error.value).splitlines()) == 1


# --- reading ---------------------------------------------------------------------------------------------------------


def test_members_belong_together_up_to_the_first_dot(tmp_path):
    path = pack(tmp_path / "a.tar", {
        "x/1.txt": b"one", "x/1.extra.json": b"{}", "x/1.PNG": b"p1", "y/1.jpg": b"p2", "y/1.txt": b"two",
        "2.png": b"p3", "3.txt": b"four", "4.png": b"p4", "4.txt": b"",
    })  # fmt: skip
    assert list(records(path)) == [
        Record("x/1", b"p1", b"one"), Record("y/1", b"p2", b"two"), Record("2", b"p3", None),
        Record("3", None, b"four"), Record("4", b"p4", b""),
    ]  # fmt: skip
    assert count(path) == 4


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> tuple[Path, list[int]]:
    """A shard of five records, and where each of them ends."""
    folder = tmp_path_factory.mktemp("whole")
    path = pack(folder / "a.tar", {f"{i}.{kind}": bytes([65 + i]) * 600 for i in range(5) for kind in ("png", "txt")})
    with tarfile.open(path) as tar:
        ends = [member.offset_data + member.size for member in tar if member.name.endswith("txt")]
    return path, ends


def test_a_tar_cut_anywhere_gives_what_is_whole_and_one_damage(whole):
    path, ends = whole
    content, short = path.read_bytes(), path.with_name("short.tar")
    for cut in sorted({*range(600, len(content), 37), *(end + d for end in ends for d in (-1, 0, 1, 424, 425))}):
        short.write_bytes(content[:cut])
        found = list(records(short))
        sound = [r for r in found if isinstance(r, Record)]
        assert [r.name for r in sound] == [str(i) for i, end in enumerate(ends) if end <= cut], cut
        assert all(len(r.picture) == len(r.caption) == 600 for r in sound)
        ended = cut >= -(-ends[-1] // 512) * 512 + 512  # the first block of zeros is there
        assert sum(isinstance(r, Damage) for r in found) == (not ended), cut


def test_a_broken_header_ends_a_shard_with_a_damage(whole):
    path, ends = whole
    content = bytearray(path.read_bytes())
    content[-(-ends[1] // 512) * 512 + 5 : -(-ends[1] // 512) * 512 + 200] = b"\xff" * 195
    broken = path.with_name("broken.tar")
    broken.write_bytes(content)
    *found, damage = records(broken)
    assert [r.name for r in found] == ["0", "1"]
    assert damage.reason == "in a tar that breaks off"


def test_png_is_read_back_by_pillow():
    pixels = np.random.default_rng(0).integers(256, size=(4, 5, 3)).astype(np.uint8)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png(pixels)))), pixels)
