"""A file is written whole or not at all, where it should be, with the permissions that it should have."""

import json
import os
import stat
import subprocess
import sys

import pytest

from toyclip import files
from toyclip.errors import InputError
from toyclip.files import check_writable, write_json, write_whole


def contents(folder) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt, OSError(28, "No space left on device")], ids=["Ctrl-C", "full disk"]
)
@pytest.mark.parametrize("old", ["old", None], ids=["there", "new"])
def test_writer_that_fails_halfway_leaves_everything_as_it_was(old, error, tmp_path):
    path = tmp_path / "file"
    if old:
        path.write_text(old)

    def half(beside):
        beside.write_text("ne")
        raise error

    told = (
        (KeyboardInterrupt, None)
        if error is KeyboardInterrupt
        else (InputError, r"cannot write .*file' \(No space left")
    )
    with pytest.raises(told[0], match=told[1]):
        write_whole(path, half)
    assert contents(tmp_path) == ({"file": "old"} if old else {})


@pytest.mark.parametrize("step", ["chmod", "replace"])
def test_failure_after_the_writing_leaves_everything_as_it_was(step, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("old")
    monkeypatch.setattr(files.Path, step, lambda *_: (_ for _ in ()).throw(OSError(5, "Input/output error")))
    with pytest.raises(InputError, match=r"cannot write .*file' \(Input/output error\); give a file name in a folder"):
        write_whole(tmp_path / "file", lambda beside: beside.write_text("new"))
    assert contents(tmp_path) == {"file": "old"}


def test_readers_see_the_old_file_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")

    def write(beside):
        assert beside.parent == tmp_path  # a rename across disks would be none
        for part in ("n", "ne", "new"):
            beside.write_text(part)
            assert path.read_text() == "old"

    write_whole(str(path), write)
    assert contents(tmp_path) == {"file": "new"}


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    path, beside = tmp_path / "file", []

    def outer(mine):
        mine.write_text("outer")
        write_whole(path, lambda other: beside.extend([mine, other]) or other.write_text("inner"))
        assert path.read_text() == "inner"

    write_whole(path, outer)
    assert beside[0] != beside[1]
    assert contents(tmp_path) == {"file": "outer"}


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755, 0o400])
def test_file_keeps_its_permissions_whatever_the_writer_does(mode, tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(mode)
    write_whole(path, lambda beside: (beside.write_text("new"), beside.chmod(0o777)))
    assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_new_file_gets_the_permissions_of_any_new_file(mask, tmp_path):
    before = os.umask(mask)
    try:
        write_whole(tmp_path / "file", lambda beside: (beside.unlink(), os.close(os.open(beside, os.O_CREAT, 0o600))))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o666 & ~mask


@pytest.mark.parametrize("exists", [True, False])
def test_of_a_link_the_target_is_written(exists, tmp_path):
    (tmp_path / "far").mkdir()
    target, link = tmp_path / "far" / "target", tmp_path / "link"
    link.symlink_to(target)
    if exists:
        target.write_text("old")
    write_whole(link, lambda beside: beside.write_text("new"))
    assert link.is_symlink()
    assert contents(tmp_path / "far") == {"target": "new"}
    assert {path.name for path in tmp_path.iterdir()} == {"far", "link"}


PLACES = [".", "nowhere/file", "file/inside", "link", "loop", "pipe", "x" * 256, "é" * 128, "x/" * 2048 + "x", "nul\0",
          "/dev/null", "/dev/full", "/dev/stdout", "/dev/null/x", "/proc/file", "/proc/self/file"]  # fmt: skip


@pytest.mark.parametrize("place", PLACES, ids=range(len(PLACES)))
def test_place_that_cannot_be_written_to_is_refused_before_any_work(place, tmp_path):
    (tmp_path / "file").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere" / "target")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    os.mkfifo(tmp_path / "pipe")
    for refusing in (check_writable, lambda path: write_whole(path, pytest.fail), lambda path: write_json(path, 1)):
        with pytest.raises(InputError, match=r"cannot write .* a folder that exists and can be written to") as error:
            refusing(tmp_path / place)
        assert len(str(error.value).splitlines()) == 1
    assert (tmp_path / "file").read_text() == "old"
    check_writable(tmp_path / "file")
    check_writable(tmp_path / "new")
    assert {path.name for path in tmp_path.iterdir()} == {"file", "link", "loop", "pipe"}


def test_name_of_the_greatest_length_is_written(tmp_path):
    """The file beside it has a name of its own, so that there is room for it."""
    path = tmp_path / ("x" * 255)
    check_writable(path)
    write_whole(path, lambda beside: beside.write_text("new"))
    assert contents(tmp_path) == {path.name: "new"}


def test_folder_that_is_read_only_is_refused(tmp_path, monkeypatch):
    """Root may write anywhere: the system's answer is put in its place."""

    def open_file(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(files.Path, "open", open_file)
    with pytest.raises(InputError, match=r"cannot write .*file' \(Permission denied\)"):
        check_writable(tmp_path / "file")


@pytest.mark.parametrize("stream", [1, 2])
def test_file_that_takes_the_output_of_the_command_is_refused(stream, tmp_path):
    """A new file in its place would take what is printed later with it."""
    path = tmp_path / "output"
    code = (
        "import sys; from toyclip import files\ntry: files.check_writable(sys.argv[1])\nexcept ValueError: sys.exit(7)"
    )
    with path.open("w") as output:
        for place, expected in ((path, 7), (tmp_path / "other", 0), (f"/dev/fd/{stream}", 7)):
            command = [sys.executable, "-c", code, place]
            assert subprocess.run(command, **{("stdout", "stderr")[stream - 1]: output}).returncode == expected


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("a", "a", True), ("a", "./a", True), ("a", "deep/../a", True), ("a", "link", True), ("file", "link file", True),
     ("file", "far/file", True), ("a", "b", False), ("a", "deep/a", False), ("a", "A", False)],
)  # fmt: skip
def test_one_file_under_two_names_is_refused(one, other, same, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "deep").mkdir()
    (tmp_path / "file").write_text("old")
    for link, target in {"link": "a", "link file": "file", "far": "."}.items():
        (tmp_path / link).symlink_to(target)
    if not same:
        check_writable(one, other)
        return
    for first, second in ((one, other), (other, one), (one, tmp_path / other)):
        with pytest.raises(InputError, match="are the same file"):
            check_writable(first, second)


@pytest.mark.parametrize("value", [{"model": object()}, {"loss": float("nan")}, [float("inf")]])
def test_value_that_is_no_json_leaves_no_file(value, tmp_path):
    with pytest.raises((TypeError, ValueError)):
        write_json(tmp_path / "history.json", value)
    assert not list(tmp_path.iterdir())


def test_json_comes_back_and_can_be_read_by_people(tmp_path):
    value = {"word": "grün", "third": 1 / 3, "rows": [1, None, True]}
    write_json(tmp_path / "history.json", value)
    text = (tmp_path / "history.json").read_text(encoding="utf-8")
    assert json.loads(text) == value
    assert "grün" in text
    assert text.endswith("}\n")
    assert len(text.splitlines()) == 9
