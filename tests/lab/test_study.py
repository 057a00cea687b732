"""The file of a study is as the study wrote it, or it is not read."""

import json
import os
from pathlib import Path

import pytest
import sample_studies

from toyclip.errors import InputError
from toyclip.files import write_whole
from toyclip.lab import study as study_module
from toyclip.lab.provenance import fingerprint
from toyclip.lab.study import Study, runs_of, stale, stored, write_table

PLAIN = Study("plain", sample_studies.plain, seeds=3)
SLOW = Study("slow", sample_studies.slow, seeds=2, conditions=("left", "réchts"))
MACHINE = {"processor": "Slow 486", "cores": 2}


def write(study, folder, **changed):
    results = {key: {"key": list(key), "third": 1 / 3} for key in study.keys}
    about = {"code": fingerprint(study.run), "machines": [MACHINE], "seconds": 12.345, "results": results}
    write_table(study, folder, **about | changed)
    return folder / f"{study.name}.json"


def test_runs_come_seed_by_seed():
    assert PLAIN.keys == [(None, 0), (None, 1), (None, 2)]
    assert SLOW.keys == [("left", 0), ("réchts", 0), ("left", 1), ("réchts", 1)]


@pytest.mark.parametrize("study", [PLAIN, SLOW], ids=lambda study: study.name)
def test_what_is_written_is_read(study, tmp_path):
    path = write(study, tmp_path)
    table = stored(study.name, tmp_path)
    assert table["study"] == study.name
    assert table["command"] == f"python -m toyclip study {study.name}"
    assert table["seeds"] == list(range(study.seeds))
    assert table.get("conditions", []) == list(study.conditions)
    assert (table["machine"], table["seconds"], table["code"]) == (MACHINE, 12.35, fingerprint(study.run))
    assert runs_of(table) == {key: {"key": list(key), "third": 1 / 3} for key in study.keys}
    rows = [line for line in path.read_text(encoding="utf-8").splitlines() if '"third"' in line]
    assert [json.loads(row.rstrip(","))["key"] for row in rows] == sorted(map(list, study.keys), key=str)


def test_command_names_a_number_of_seeds_that_is_not_the_usual_one(tmp_path):
    write(PLAIN.with_seeds(2), tmp_path)
    assert stored("plain", tmp_path)["command"] == "python -m toyclip study plain --seeds 2"
    write(PLAIN.with_seeds(2).with_seeds(3), tmp_path)
    assert stored("plain", tmp_path)["command"] == "python -m toyclip study plain"


def test_several_machines_are_told(tmp_path):
    write(PLAIN, tmp_path, machines=[MACHINE, {"cores": 4}])
    assert stored("plain", tmp_path)["machine"] == [MACHINE, {"cores": 4}]


def test_missing_result_is_named_with_the_command_that_makes_it(tmp_path):
    with pytest.raises(InputError, match=r"no result '.*fast\.json'; make it with 'python -m toyclip study fast'$"):
        stored("fast", tmp_path)


def test_result_is_read_from_the_package_wherever_a_chapter_lies(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert stored("fast")["study"] == "fast"
    assert (study_module.RESULTS / "fast.json").exists()
    assert study_module.RESULTS.parent == Path(study_module.__file__).parents[1]


def edited(path, change):
    table = json.loads(path.read_text(encoding="utf-8"))
    change(table)
    path.write_text(json.dumps(table), encoding="utf-8")


TAMPERED = {
    "a number by one percent": lambda table: table["results"]["left"][0].update(third=1.01 / 3),
    "a seed less": lambda table: table["seeds"].pop(),
    "a result less": lambda table: table["results"]["left"].pop(),
    "a condition less": lambda table: table["conditions"].pop(),
    "the code": lambda table: table.update(code="0" * 16),
    "the hash": lambda table: table.update(sha256="0" * 64),
    "no hash": lambda table: table.pop("sha256"),
    "another key": lambda table: table.update(note="better so"),
    "the name": lambda table: table.update(study="plain"),
    "the machine": lambda table: table["machine"].update(cores=64),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_result_edited_by_hand_is_refused_and_stale(name, tmp_path):
    path = write(SLOW, tmp_path)
    assert stale([SLOW], tmp_path) == {}
    edited(path, TAMPERED[name])
    with pytest.raises(InputError, match=r"is not as the study wrote it; make it again with .*study slow'$"):
        stored("slow", tmp_path)
    assert stale([SLOW], tmp_path) == {"slow": "not as the study wrote it"}


def test_file_of_another_study_is_refused(tmp_path):
    write(PLAIN, tmp_path).rename(tmp_path / "slow.json")
    with pytest.raises(InputError, match="is not as the study wrote it"):
        stored("slow", tmp_path)


def test_layout_and_order_of_keys_are_no_edit(tmp_path):
    path = write(SLOW, tmp_path)
    table = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(dict(reversed(table.items())), indent=7), encoding="utf-8")
    assert stored("slow", tmp_path) == table


@pytest.mark.parametrize("text", ["", "{", '{"study": "slow"', "[1]", "7", b"\xff\xfe"], ids=repr)
def test_half_a_file_is_refused_in_one_line(text, tmp_path):
    (tmp_path / "slow.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match="make it again with 'python -m toyclip study slow'") as caught:
        stored("slow", tmp_path)
    assert "\n" not in str(caught.value)
    assert list(stale([SLOW], tmp_path)) == ["slow"]


def test_a_count_that_does_not_add_up_is_refused_even_with_its_hash(tmp_path):
    """As a program that writes such files by mistake would leave it."""
    one = PLAIN.with_seeds(2)
    write_table(one, tmp_path, "c", [MACHINE], 1.0, dict.fromkeys(one.keys, 1))
    path = tmp_path / "plain.json"
    edited(path, lambda table: (table["results"].append(3), table.update(sha256=study_module._sha256(table))))
    with pytest.raises(InputError, match="one result for each seed"):
        stored("plain", tmp_path)


def test_stale_says_why(tmp_path):
    assert stale([PLAIN, SLOW], tmp_path) == {"plain": "missing", "slow": "missing"}
    write(PLAIN, tmp_path)
    write(SLOW, tmp_path)
    assert stale([PLAIN, SLOW], tmp_path) == {}
    assert stale([PLAIN.with_seeds(4)], tmp_path) == {"plain": "3 seeds instead of 4"}
    assert stale([Study("slow", SLOW.run, 2, ("left", "up"))], tmp_path) == {"slow": "other conditions"}
    assert stale([Study("plain", sample_studies.failing, 3)], tmp_path) == {"plain": "made by other code"}


def test_full_disk_leaves_the_earlier_file(tmp_path):
    path = write(PLAIN, tmp_path)
    before = path.read_bytes()

    def full(beside):
        beside.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(InputError, match="No space left"):
        write_whole(path, full)
    assert [p.name for p in tmp_path.iterdir()] == ["plain.json"]
    assert path.read_bytes() == before


def test_permissions_stay_and_a_link_is_followed(tmp_path):
    (tmp_path / "far").mkdir()
    real = tmp_path / "far" / "real.json"
    link = tmp_path / "link.json"
    link.symlink_to(real)
    for text, mode in (("new", None), ("old", 0o600), ("older", 0o664)):
        if mode:
            real.chmod(mode)
        write_whole(link, lambda beside, text=text: beside.write_text(text))
        umask = os.umask(0)
        os.umask(umask)
        assert real.stat().st_mode & 0o777 == (mode or 0o666 & ~umask)
        assert (link.is_symlink(), real.read_text()) == (True, text)
    assert [p.name for p in real.parent.iterdir()] == ["real.json"]
