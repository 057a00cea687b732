"""`toyclip floor` against every batch there is, whole numbers, a search for better models, and cases people met."""

import gzip
import io
import itertools
import json
import math
import os
import sys
import tarfile
import threading
import tracemalloc
from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import hypergeom

from toyclip import cli, loss_floor
from toyclip.errors import InputError
from toyclip.infonce import info_nce
from toyclip.own import tally, twins
from toyclip.own.captions import folded, pairs
from toyclip.own.floor_report import Report, report, where


def table(counts: list[int]) -> dict[int, int]:
    return dict(Counter(counts))


def of(*rows: str | tuple[str | None, str], batch_size: int = 2) -> Report:
    listed = [(None, row, 1) if isinstance(row, str) else (*row, 1) for row in rows]
    return report(lambda: listed, batch_size)


@pytest.fixture
def run(monkeypatch, capsys):
    """The command line in this process: (exit code, stdout, stderr)."""

    def command(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["toyclip", "floor", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return end.value.code or 0, *capsys.readouterr()

    return command


# --- the numbers -----------------------------------------------------------------------------------------------------


@settings(max_examples=50)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=5).filter(lambda c: 2 <= sum(c) <= 10), st.data())
def test_twins_are_the_mean_over_every_batch_there_is(counts, data):
    batch_size = data.draw(st.integers(1, sum(counts)))
    labels = [label for label, count in enumerate(counts) for _ in range(count)]
    alike = [k for b in itertools.combinations(labels, batch_size) for k in Counter(b).values() for _ in range(k)]
    found = twins.twins(table(counts), batch_size)
    assert found.floor == pytest.approx(math.fsum(map(math.log, alike)) / len(alike), abs=1e-12)
    assert found.share == pytest.approx(sum(k > 1 for k in alike) / len(alike), abs=1e-12)
    assert found.expected == pytest.approx((sum(alike) - len(alike)) / len(alike), abs=1e-12)


@pytest.mark.parametrize("elements", [1, 100, 2**20])
def test_twins_of_long_tables_are_those_of_whole_numbers(elements, monkeypatch):
    """In pieces of any size; the windows are far narrower than the 600 rows of a batch."""
    monkeypatch.setattr(twins, "ELEMENTS", elements)
    counts, batch_size = [1] * 50 + [2, 2, 3, 40, 41, 700, 1500], 600
    total, floor, alone = sum(counts), [], []
    for c in counts:
        ways = [math.comb(c - 1, x) * math.comb(total - c, batch_size - 1 - x) for x in range(min(c, batch_size))]
        assert sum(ways) == math.comb(total - 1, batch_size - 1)
        floor += [c * float(Fraction(w, sum(ways))) * math.log1p(x) / total for x, w in enumerate(ways)]
        alone.append(c * Fraction(ways[0], sum(ways)) / total)
    found = twins.twins(table(counts), batch_size)
    assert found.floor == pytest.approx(math.fsum(floor), abs=1e-12)
    assert found.share == pytest.approx(1 - float(sum(alone)), abs=1e-12)


def test_twins_of_large_numbers_are_those_of_scipy():
    """A billion pairs; scipy's own numbers hold to 7 digits there."""
    count, total, batch_size = 100_000_000, 1_000_000_000, 32_768
    x = np.arange(batch_size)  # (B,)
    costs = hypergeom.pmf(x, total - 1, count - 1, batch_size - 1) @ np.log1p(x)
    found = twins.twins({count: 1, 1: total - count}, batch_size)
    assert found.floor == pytest.approx(costs / 10, rel=1e-6)
    assert found.expected == pytest.approx(3276.7 / 10, rel=1e-6)
    assert found.share == pytest.approx(0.1)


def test_floor_is_that_of_the_core():
    counts = [1] * 20 + [7, 90, 1000]
    for size in (1, 2, 50, 1000):
        assert twins.twins(table(counts), size).floor == pytest.approx(loss_floor.floor(counts, size), abs=1e-11)


@pytest.mark.parametrize(("counts", "size"), [([], 1), ([0], 1), ([3], 4), ([3], 0), ([3, -1], 1)])
def test_what_cannot_be_drawn_is_refused(counts, size):
    with pytest.raises(InputError, match=f"cannot draw {size} of"):
        twins.twins(table(counts), size)


PICTURES = {
    "captions shared": [("a", "x"), ("b", "x"), ("c", "y")],
    "pictures shared": [("a", "x"), ("a", "y"), ("b", "z")],
    "both, crosswise": [("a", "x"), ("a", "y"), ("b", "x"), ("b", "y"), ("c", "z")],
    "one pair twice": [("a", "x"), ("a", "x"), ("b", "y"), ("a", "y")],
    "chain": [("a", "x"), ("b", "x"), ("b", "y"), ("c", "y"), ("c", "z")],
}


@pytest.mark.parametrize("rows", PICTURES.values(), ids=PICTURES)
def test_with_shared_pictures_no_model_gets_below_the_floor_and_a_search_reaches_it(rows):
    """Rows with one picture have one row of logits, those with one caption one column; everything else is free."""
    images, captions = (
        torch.tensor([sorted(set(side)).index(name) for name in side]) for side in zip(*rows, strict=True)
    )
    shape = int(images.max()) + 1, int(captions.max()) + 1

    def loss(free: np.ndarray) -> tuple[float, np.ndarray]:
        scores = torch.tensor(free.reshape(shape), requires_grad=True)
        value = info_nce(scores[images][:, captions])
        value.backward()
        return value.item(), scores.grad.numpy().ravel()

    lowest = of(*rows, batch_size=len(rows)).floor
    start = np.random.default_rng(0).normal(size=shape[0] * shape[1])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500}).fun
    assert lowest - 1e-9 <= found <= lowest + 1e-2


@settings(max_examples=30)
@given(st.lists(st.sampled_from(list(itertools.product("abc", "xyz"))), min_size=2, max_size=7), st.data())
def test_floor_of_pictures_and_captions_is_the_mean_over_every_batch(rows, data):
    """In each batch log B less what pictures and captions tell of each other."""
    size = data.draw(st.integers(2, len(rows)))
    costs = []
    for batch in itertools.combinations(rows, size):
        image, caption, both = (Counter(side) for side in (*zip(*batch, strict=True), batch))
        told = math.fsum(n / size * math.log(n * size / image[i] / caption[c]) for (i, c), n in both.items())
        costs.append(math.log(size) - told)
    assert of(*rows, batch_size=size).floor == pytest.approx(math.fsum(costs) / len(costs), abs=1e-12)


# --- cases that people met -------------------------------------------------------------------------------------------


def test_4_85_at_batch_128_is_chance():
    """open_clip #17."""
    about = of(*map(str, range(1000)), batch_size=128)
    assert (round(about.chance, 2), about.floor) == (4.85, 0)
    for loss in (4.85, 4.8):
        assert where(loss, about).startswith(f"{loss} is chance: the model tells nothing apart.")


def test_60_per_cent_of_a_batch_alike():
    """Chinese-CLIP #266: by simulation, too."""
    captions = ["other"] * 600 + [f"label {i}" for i in range(400)]
    about = of(*captions, batch_size=100)
    generator, costs = np.random.default_rng(0), []
    for _ in range(2000):
        k = (generator.permutation(1000)[:100] < 600).sum()
        costs.append(k * math.log(k) / 100)
    assert about.floor == pytest.approx(np.mean(costs), abs=4 * np.std(costs) / math.sqrt(2000))
    assert 0.5 < about.floor / about.chance < 0.55
    assert (round(about.by_caption.share, 3), about.most) == (0.6, {"other": 600})
    assert "is the floor" in where(about.floor + 0.01, about)


def test_five_captions_a_picture():
    """As COCO has them: all different, and yet a picture meets itself in the batch."""
    about = of(*((str(i), f"{i} {j}") for i in range(20) for j in range(5)), batch_size=50)
    assert about.by_caption.floor == 0
    assert about.floor == pytest.approx(loss_floor.floor([5] * 20, 50), abs=1e-12)
    assert (about.pairs, about.captions, about.pictures) == (100, 100, 20)


def test_3_at_batch_1920_is_as_unsure_as_a_guess_among_20():
    """openai/CLIP #266."""
    said = where(3.0, of(*map(str, range(2000)), batch_size=1920))
    assert said.startswith("3 is 60% of the way from chance to the floor, on average as unsure as a guess among 20.1")


def test_batch_of_one_is_0_and_teaches_nothing():
    """openai/CLIP #83."""
    about = of("a", "b", batch_size=1)
    assert about.chance == about.floor == 0
    assert "0 whatever the model does" in where(0.0, about)
    assert where(0.0, about) != where(0.5, about)


@pytest.mark.parametrize(
    ("loss", "told"),
    [(0.2, "below the floor"), (-1.0, "below the floor"), (0.3, "is the floor"), (0.34, "way from chance"),
     (0.688, "is chance"), (0.72, "worse than chance"), (1e9, "worse than chance")],
)  # fmt: skip
def test_where_a_loss_stands(loss, told):
    about = of(*"abcd")
    about = Report(**{**vars(about), "floor": 0.3})
    assert told in where(loss, about)


def test_nothing_to_learn_where_all_are_alike():
    assert "nothing to learn" in where(math.log(2), of("a", "a"))
    assert "below the floor" in where(0.1, of("a", "a"))


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_loss_that_is_no_number_is_refused(loss):
    with pytest.raises(InputError, match="stands nowhere"):
        where(loss, of("a", "b"))


# --- counting --------------------------------------------------------------------------------------------------------


@settings(max_examples=50)
@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(1, 3)), max_size=40), st.integers(1, 9))
def test_tally_is_a_counter_however_often_it_is_settled(items, least):
    counter, found = Counter(), tally.Tally()
    tally.LEAST, before = least, tally.LEAST
    try:
        for text, times in items:
            counter[text] += times
            found.add(tally.digest(text), times)
    finally:
        tally.LEAST = before
    assert found.table() == dict(Counter(counter.values()))
    assert found.most(99) == {tally.digest(text): n for text, n in counter.items()}
    assert list(found.most(3).values()) == sorted(counter.values(), reverse=True)[:3]
    assert found.count(tally.digest("a")) == counter["a"]


def test_texts_are_not_kept(monkeypatch):
    monkeypatch.setattr(tally, "LEAST", 10_000)
    tracemalloc.start()
    about = report(lambda: ((None, f"{i:0200}", 1) for i in range(40_000)), 64)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (about.captions, about.floor) == (40_000, 0)
    assert peak < 40_000 * 120


def test_most_repeated_captions_are_named_without_reading_on():
    def read():
        yield from [(None, "b", 1), (None, "a", 1), (None, "c", 5), (None, "a", 2), (None, "b", 2), (None, "d", 1)]
        times.append(1)
        assert len(times) == 1

    times = []
    assert of("x", "y").most == {}
    assert list(report(read, 2).most.items()) == [("c", 5), ("a", 3), ("b", 3)]


# --- files -----------------------------------------------------------------------------------------------------------

CAPTIONS = ["A red  circle", "a red circle ", "", "Ein Käfer, grün", 'a "b" c', "日本", "日本", "a, b"]
COUNTED = Counter(map(folded, CAPTIONS))


def packed(files: dict[str, str], mode: str = "w") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content.encode())
            tar.addfile(member, io.BytesIO(content.encode()))
    return buffer.getvalue()


def quoted(values: list[str], separator: str, line: str = "\n") -> str:
    cells = ['"' + value.replace('"', '""') + '"' for value in values]
    return line.join([f"id{separator}Caption", *(f"{i}{separator}{cell}" for i, cell in enumerate(cells))])


LINES = "\n".join(CAPTIONS) + "\n"
ROWS = "\n".join(json.dumps({"n": 1, "TEXT": c or None}) for c in CAPTIONS)
SHARD = {f"{i:03}.{e}": c if e == "txt" else "\0" for i, c in enumerate(CAPTIONS) for e in ("jpg", "txt")}
FILES = {  # name -> content, options
    "a.txt": (LINES.encode(), []),
    "windows.txt": (b"\xef\xbb\xbf" + LINES.replace("\n", "\r\n").encode(), []),
    "noending": (LINES.rstrip("\n").encode(), []),
    "a.txt.gz": (gzip.compress(LINES.encode(), mtime=0), []),
    "a.csv": (quoted(CAPTIONS, ",").encode(), []),
    "a.tsv.gz": (gzip.compress(quoted(CAPTIONS, "\t", "\r\n").encode(), mtime=0), ["--column", "Caption"]),
    "a.jsonl": (ROWS.encode(), []),
    "shard.tar": (packed(SHARD), []),
    "shard.tar.gz": (packed(SHARD, "w:gz"), []),
    "json.tar": (packed({f"{i}.json": json.dumps({"c": c}) for i, c in enumerate(CAPTIONS)}), ["--column", "c"]),
    "counts.csv": (
        ("caption,n\n" + "\n".join(f'"{c.replace(chr(34), chr(34) * 2)}",{n}' for c, n in COUNTED.items())).encode(),
        ["--count", "n"],
    ),
    "-": (LINES.encode(), []),
}


@pytest.mark.parametrize("name", FILES)
def test_every_kind_of_file_says_the_same(name, run, tmp_path, monkeypatch):
    content, options = FILES[name]
    path = tmp_path / name
    if name == "-":
        path = name
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    else:
        path.write_bytes(content)
    code, out, err = run(path, "--batch-size", 4, "--loss", 1, "--json", *options)
    assert (code, err) == (0, "")
    found = json.loads(out, parse_constant=pytest.fail)
    assert found["floor"] == pytest.approx(loss_floor.floor(list(COUNTED.values()), 4), abs=1e-12)
    assert found["most"] == [{"caption": "a red circle", "pairs": 2}, {"caption": "日本", "pairs": 2}]
    assert (found["pairs"], found["captions"], found["empty"], found["loss"]) == (8, 6, 1, 1)


def test_several_files_by_pattern_numbers_and_a_pipe(run, tmp_path):
    for i in range(12):
        (tmp_path / f"s-{i:03}.tar").write_bytes(packed({"a.txt": "same", "b.txt": str(i)}))
    for names in (["s-{000..011}.tar"], ["s-*.tar"], [f"s-{i:03}.tar" for i in range(12)]):
        out = run(*(tmp_path / name for name in names), "--batch-size", 2, "--json")[1]
        assert json.loads(out)["most"] == [{"caption": "same", "pairs": 12}]
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_text, args=("a\na\nb\n",))
    writer.start()
    assert json.loads(run(tmp_path / "pipe", "--batch-size", 2, "--json")[1])["most"] == [{"caption": "a", "pairs": 2}]
    writer.join()


def test_list_of_captions_is_a_pair_each_with_one_picture(run, tmp_path):
    lists = [[f"{i} {j}" for j in range(5)] for i in range(20)]
    (tmp_path / "lists.jsonl").write_text("\n".join(json.dumps({"caption": c}) for c in lists))
    rows = [f"{i}.jpg,{c}" for i, listed in enumerate(lists) for c in listed]
    (tmp_path / "rows.csv").write_text("\n".join(["image,caption", *rows]))
    for name, options in (("lists.jsonl", []), ("rows.csv", ["--image", "image"])):
        out = run(tmp_path / name, "--batch-size", 50, "--json", *options)[1]
        assert json.loads(out)["floor"] == pytest.approx(loss_floor.floor([5] * 20, 50), abs=1e-12)
    assert json.loads(run(tmp_path / "rows.csv", "--batch-size", 50, "--json")[1])["floor"] == 0


@pytest.mark.parametrize(("name", "none", "last"), [("a.jsonl", None, "0"), ("a.csv", "", "None")])
def test_row_without_a_picture_is_a_picture_of_its_own(name, none, last, run, tmp_path):
    """And one whose picture is called 0, or None in a table of text, is not without."""
    rows = [(none, "a"), (none, "b"), (last, "c"), (none, "d"), (last, "e")]
    text = "\n".join(json.dumps({"image": i, "caption": c}) for i, c in rows)
    if name == "a.csv":
        text = "\n".join(["image,caption", *(f"{i},{c}" for i, c in rows)])
    (tmp_path / name).write_text(text)
    found = json.loads(run(tmp_path / name, "--batch-size", 2, "--image", "image", "--json")[1])
    assert (found["pictures"], found["floor"]) == (4, pytest.approx(loss_floor.floor([2, 1, 1, 1], 2)))


def test_captions_of_a_list_without_a_picture_share_one(run, tmp_path):
    (tmp_path / "a.jsonl").write_text('{"image": null, "caption": ["a", "b"]}\n{"image": null, "caption": ["c"]}')
    assert json.loads(run(tmp_path / "a.jsonl", "--batch-size", 2, "--image", "image", "--json")[1])["pictures"] == 2


@pytest.mark.parametrize("packed_by", ["tar", "tar.gz"])
@pytest.mark.parametrize("how", ["cut", "overwritten", "closed early"])
def test_shard_that_ends_early_or_goes_on_after_its_end_is_damaged(how, packed_by, run, tmp_path):
    whole = packed({f"{i:02}.txt": f"{i}" for i in range(20)})  # 1,024 bytes each
    content = {
        "cut": whole[: 5 * 1024],
        "overwritten": whole[: 5 * 1024] + b"x" * 100 + whole[5 * 1024 + 100 :],
        "closed early": whole[: 5 * 1024] + bytes(512) + whole[5 * 1024 + 512 :],
    }[how]
    (tmp_path / f"a.{packed_by}").write_bytes(gzip.compress(content) if packed_by == "tar.gz" else content)
    code, out, err = run(tmp_path / f"a.{packed_by}", "--batch-size", 2)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert "damaged" in err


def test_counts_alone_are_a_table(run, tmp_path):
    (tmp_path / "c.csv").write_text("n\n" + "170\n" * 16)
    found = json.loads(run(tmp_path / "c.csv", "--batch-size", 64, "--count", "n", "--json")[1])
    assert found["floor"] == pytest.approx(1.508495961)


BAD = {  # name -> content, options, what is said
    "none.txt": (None, [], ["there is no file", "none.txt"]),
    "empty.txt": (b"", [], ["no caption"]),
    "utf16.txt": ("a red circle\n".encode("utf-16"), [], ["line 1", "zero byte"]),
    "half.txt.gz": (gzip.compress(LINES.encode(), mtime=0)[:40], [], ["half.txt.gz", "damaged"]),
    "plain.txt.gz": (b"a red circle\n", [], ["plain.txt.gz", "gzip"]),
    "half.tar": (packed(SHARD)[:700], [], ["half.tar", "damaged"]),
    "cut.tar": (packed({"a.txt": "a" * 9000})[:3000], [], ["cut.tar", "damaged"]),
    "pictures.tar": (packed({"a.jpg": ""}), [], ["holds no .txt", "--column"]),
    "txt.tar": (packed({"a.txt": "a"}), ["--column", "c"], ["holds no .json"]),
    "list.tar": (packed({"a.json": "[1]"}), ["--column", "c"], ["a.json", "expected an object"]),
    "a.json": (b"[]", [], ["jq", "JSON lines"]),
    "bad.jsonl": (b'{"caption": "a"}\n{"caption"', [], ["line 2", "no JSON"]),
    "number.jsonl": (b'{"caption": 7}', [], ["row 1", "'7', not a text"]),
    "other.csv": (b"url,alt\nu,a\n", [], ["no column 'caption'", "'url', 'alt'"]),
    "long.csv": (b"caption,url\na, b,u\n", [], ["line 2", "quotes"]),
    "short.csv": (b"url,caption\nu\n", [], ["line 2", "quotes"]),
    "quote.csv": (b'caption\n"' + b"a\n" * 2**20, [], ["quote.csv", "damaged"]),
    "zero.csv": (b"caption,n\na,0\n", ["--count", "n"], ["row 1", "count '0'"]),
    "nan.csv": (b"caption,n\na,nan\n", ["--count", "n"], ["row 1", "count 'nan'"]),
    "half.csv": (b"caption,n\na,1.5\n", ["--count", "n"], ["row 1", "count '1.5'"]),
    "columns.txt": (b"a\n", ["--column", "caption"], ["no columns"]),
    "few.txt": (b"a\nb\n", ["--batch-size", "3"], ["cannot draw 3 of 2"]),
    "loss.txt": (b"a\nb\n", ["--loss", "nan"], ["stands nowhere"]),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line(name, run, tmp_path):
    content, options, told = BAD[name]
    if content is not None:
        (tmp_path / name).write_bytes(content)
    code, out, err = run(tmp_path / name, *([] if "--batch-size" in options else ["--batch-size", 2]), *options)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert all(part in err for part in told), err


def test_folder_is_refused(run, tmp_path):
    assert "cannot read" in run(tmp_path, "--batch-size", 2)[2]


def test_bytes_that_are_no_utf8_stay_apart_and_can_be_shown(run, tmp_path):
    (tmp_path / "latin.txt").write_bytes(b"gr\xfcn\ngr\xfcn\ngr\xf6n\n\x1b[31m\n" + b"x" * 500 + b"\n")
    code, out, _ = run(tmp_path / "latin.txt", "--batch-size", 2)
    assert code == 0
    assert "  2  gr\\xfcn\n" in out
    assert "5 pairs, 4 different captions" in out


def test_bytes_that_are_no_utf8_are_told_to_machines_in_utf8(run, tmp_path):
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9\ncaf\xe9\n")
    code, out, _ = run(tmp_path / "latin.txt", "--batch-size", 2, "--json")
    assert (code, json.loads(out.encode())["most"]) == (0, [{"caption": "caf\\udce9", "pairs": 2}])


def test_words(run, tmp_path):
    (tmp_path / "a.txt").write_text("a\n\n\nb\n")
    plain, judged = (run(tmp_path / "a.txt", "--batch-size", 2, *extra)[1] for extra in ([], ["--loss", "0.4"]))
    assert "2 of them have an empty caption" in plain
    assert "  2  (empty)" in plain
    assert "stays at 0.69 has learned nothing" in plain
    assert "0.4 is" in judged
    assert "learned nothing" not in judged


# --- parquet ---------------------------------------------------------------------------------------------------------


def test_parquet_without_pyarrow_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setattr(Path, "exists", lambda self: True)
    with pytest.raises(InputError, match=r"needs pyarrow; pip install 'toyclip\[parquet\]'"):
        list(pairs(["a.parquet"]))


def test_parquet_says_the_same(tmp_path, run):
    pyarrow = pytest.importorskip("pyarrow", reason="parquet is an extra")
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = {"caption": [[c or None] for c in CAPTIONS], "TEXT": CAPTIONS, "n": [1] * len(CAPTIONS)}
    parquet.write_table(pyarrow.table(rows), tmp_path / "a.parquet", row_group_size=3)
    for options in ([], ["--column", "TEXT"], ["--column", "TEXT", "--count", "n"]):
        found = json.loads(run(tmp_path / "a.parquet", "--batch-size", 4, "--json", *options)[1])
        assert found["floor"] == pytest.approx(loss_floor.floor(list(COUNTED.values()), 4), abs=1e-12)
    assert "there is no column 'x'" in run(tmp_path / "a.parquet", "--batch-size", 4, "--column", "x")[2]
    (tmp_path / "b.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:100])
    code, _, err = run(tmp_path / "b.parquet", "--batch-size", 4)
    assert (code, len(err.splitlines())) == (2, 1)
