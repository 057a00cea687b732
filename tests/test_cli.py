"""The command line: what it prints and writes, and one line with exit code 2 for everything it cannot use."""

import ast
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from toyclip import checkpoint, cli, data, recipes, train, zero_shot
from toyclip.data import CAPTIONS, Tokenizer, draw_pairs
from toyclip.encoders import Config, ToyCLIP
from toyclip.errors import InputError, LossNotFiniteError
from toyclip.lab import command as lab_command
from toyclip.lab import provenance
from toyclip.lab.study import RESULTS, Study
from toyclip.large import training
from toyclip.metrics import interval
from toyclip.pictures import BACKGROUND, WORLD_EMOJI, emoji, world_emoji
from toyclip.studies import all_studies
from toyclip.studies.speedrun import bench as speedrun
from toyclip.studies.speedrun.ladder import Rung
from toyclip.zero_shot import accuracy


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A picture of a red circle, a text file, half a picture and half a model."""
    folder = tmp_path_factory.mktemp("files")
    sprite = next(e.sprite for e in emoji() if e.character == "🔴")
    sprite.save(folder / "circle.png")
    (folder / "text.png").write_text("a red circle")
    (folder / "half.png").write_bytes((folder / "circle.png").read_bytes()[:500])
    (folder / "half.safetensors").write_bytes(checkpoint.PRETRAINED.read_bytes()[:2000])
    return folder


@pytest.fixture
def small_world(monkeypatch):
    """`train` draws 10 pictures of each class instead of 200."""
    monkeypatch.setattr(train, "world", lambda seed, rendering: data.split(data.draw_pairs(10, seed, rendering), seed))


# --- classify --------------------------------------------------------------------------------------------------------


def test_classify_prints_a_json_list_and_nothing_else(folder):
    """In a process of its own, as a stranger would."""
    command = [sys.executable, "-m", "toyclip", "classify", folder / "circle.png", *CAPTIONS, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    ranking = json.loads(done.stdout)
    assert done.stderr == ""
    assert ranking[0]["label"] == "a red circle"
    assert sorted(row["label"] for row in ranking) == sorted(CAPTIONS)
    assert all(row.keys() == {"label", "cosine", "probability"} for row in ranking)
    for key in ("cosine", "probability"):
        values = [row[key] for row in ranking]
        assert values == sorted(values, reverse=True)
    assert sum(row["probability"] for row in ranking) == pytest.approx(1, abs=1e-5)
    assert all(-1 <= row["cosine"] <= 1 for row in ranking)


def test_probabilities_are_the_softmax_of_scaled_cosines(folder, toyclip):
    _, out, _ = toyclip("classify", folder / "circle.png", "a red circle", "a red square", "red", "--json")
    rows = json.loads(out)
    scale = checkpoint.load()[0].logit_scale.item()
    expected = torch.tensor([scale * row["cosine"] for row in rows]).softmax(dim=0)
    assert [row["probability"] for row in rows] == pytest.approx(expected.tolist(), abs=1e-5)


def test_classify_without_json_is_a_table_of_the_same(folder, toyclip):
    code, out, err = toyclip("classify", folder / "circle.png", "a blue cross", "a red circle")
    assert (code, err) == (0, "")
    first, second = out.splitlines()
    assert first.startswith("a red circle  cosine +")
    assert second.startswith("a blue cross  cosine ")
    assert first.endswith("%")


def test_order_of_the_labels_does_not_matter(folder, toyclip):
    rankings = [json.loads(toyclip("classify", folder / "circle.png", *labels, "--json")[1])
                for labels in (CAPTIONS, CAPTIONS[::-1])]  # fmt: skip
    for one, other in zip(*rankings, strict=True):
        assert one["label"] == other["label"]
        assert one["cosine"] == pytest.approx(other["cosine"], abs=1e-5)


def test_eight_of_ten_emoji_are_right(toyclip, tmp_path):
    """PNG files of 160 x 160 with the emoji on a dark background, against all 16 captions."""
    right = 0
    for e in emoji():
        if e.character in WORLD_EMOJI:
            picture = Image.new("RGB", (160, 160), BACKGROUND)
            sprite = e.sprite.resize((128, 128), Image.Resampling.LANCZOS)
            picture.paste(sprite, (16, 16), sprite)
            picture.save(tmp_path / "emoji.png")
            code, out, _ = toyclip("classify", tmp_path / "emoji.png", *CAPTIONS, "--json")
            assert code == 0
            right += json.loads(out)[0]["label"] == data.caption(*WORLD_EMOJI[e.character])
    assert right >= 8


@pytest.mark.parametrize("config", [Config(width=96), Config(image_encoder="transformer", width=16)],
                         ids=lambda config: config.image_encoder)  # fmt: skip
def test_classify_uses_the_model_it_is_given(config, folder, toyclip, tmp_path):
    checkpoint.save(ToyCLIP(config, seed=5), Tokenizer(), tmp_path / "other.safetensors")
    arguments = ("classify", folder / "circle.png", *CAPTIONS, "--json")
    code, out, _ = toyclip(*arguments, "--model", tmp_path / "other.safetensors")
    assert code == 0
    assert out != toyclip(*arguments)[1]


# --- train, eval, study ----------------------------------------------------------------------------------------------


def test_train_writes_a_model_and_its_history(small_world, toyclip, tmp_path):
    model, history = tmp_path / "model.safetensors", tmp_path / "history.json"
    code, out, _ = toyclip("train", "--recipe", "fast", "--epochs", 2, "--seed", 3, "--out", model, "--json", history)
    assert code == 0
    assert out.startswith("74,913 parameters, 2 epochs in ")
    assert {path.name for path in tmp_path.iterdir()} == {model.name, history.name}
    stored = json.loads(history.read_text())
    assert stored.keys() >= {"parameters", "recipe", "seed", "seconds", "accuracy", "epochs", "command", "machine"}
    assert (stored["parameters"], stored["recipe"], stored["seed"]) == (74_913, "fast", 3)
    assert [row["epoch"] for row in stored["epochs"]] == [1, 2]
    assert all(row.keys() == {"epoch", "loss", "floor", "logit_scale", "accuracy"} for row in stored["epochs"])
    assert stored["command"].startswith("python -m toyclip train --recipe fast --epochs 2 --seed 3 ")
    expected, _ = train.train(replace(recipes.RECIPES["fast"], epochs=2), seed=3)
    assert all(torch.equal(expected.state_dict()[name], tensor) for name, tensor in load_file(model).items())


@pytest.mark.parametrize("seed", [(), ("--seed", 5)], ids=["default seed", "seed 5"])
def test_eval_tells_accuracy_with_its_interval(seed, toyclip, tmp_path):
    """Of an untrained model, which gets some right."""
    model = ToyCLIP(Config(image_encoder="strided", width=16), seed=2)
    checkpoint.save(model, Tokenizer(), tmp_path / "model")
    code, out, err = toyclip("eval", "--model", tmp_path / "model", *seed)
    assert (code, err) == (0, "")
    fresh = draw_pairs(per_class=30, seed=seed[1] if seed else 1_000_000)
    for line, name, pairs in zip(out.splitlines(), ("fresh pictures", "emoji"), (fresh, world_emoji()), strict=True):
        share = accuracy(model, pairs, Tokenizer())
        low, high = interval(round(share * len(pairs)), len(pairs))
        assert line == f"{name}: {share:.1%} of {len(pairs)} right (95 % interval {low:.1%} to {high:.1%})"


def test_study_hands_everything_on_to_the_engine(toyclip, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(lab_command, "study", lambda *arguments: asked.append(arguments))
    options = ("--out", tmp_path, "--seeds", 2, "--workers", 3, "--scheduler", "tcp://here:1")
    assert toyclip("study", "fast", "captions", *options)[0] == toyclip("study", "--all")[0] == 0
    assert toyclip("study", "--stale")[0] == 0
    studies = all_studies()
    assert all(isinstance(study, Study) for study in studies.values())
    assert asked == [
        (studies, ["fast", "captions"], False, False, tmp_path, 2, 3, "tcp://here:1", "cpu"),
        (studies, [], True, False, RESULTS, None, None, None, "cpu"),
        (studies, [], False, True, RESULTS, None, None, None, "cpu"),
    ]


def test_studies_are_listed_with_what_is_known_of_each(toyclip, tmp_path):
    code, out, _ = toyclip("study", "--out", tmp_path)
    head, *rows = out.splitlines()
    assert (code, head.split()[:3]) == (0, ["study", "seeds", "runs"])
    assert [row.split()[0] for row in rows] == list(all_studies())
    assert all("stale: " in row for row in rows)


def test_help_names_every_command(toyclip):
    code, out, _ = toyclip("--help")
    assert code == 0
    assert all(f" {command} " in out for command in ("train", "classify", "eval", "study", "bench"))


# --- bench -----------------------------------------------------------------------------------------------------------


def benched_run(seed: int) -> dict:
    """What `bench` says of one seed, made up."""
    return {
        "reference": {
            "seconds": (75.3, 80.0)[seed],
            "evaluation": (4.0, 6.0)[seed],
            "accuracy": [0.5, (1.0, 0.9979)[seed]],
        },
        "fast": {"seconds": (2.0, 2.51)[seed], "evaluation": (0.2, 0.3)[seed], "accuracy": [(0.9958, 1.0)[seed]]},
        "ratio": (37.65, 31.87)[seed],
        "drawing": (0.5, 0.9)[seed],
    }


@pytest.fixture
def benched(monkeypatch) -> list[int]:
    """`bench` does not train; the seeds that were asked for."""
    asked = []
    monkeypatch.setattr(speedrun, "bench", lambda seed: asked.append(seed) or benched_run(seed % 2))
    monkeypatch.setattr(provenance, "machine", lambda: {"processor": "Slow 486", "cores": 2, "torch": "2.13.0"})
    return asked


def test_bench_prints_every_pair_the_median_what_is_left_out_and_the_machine(benched, toyclip, tmp_path):
    code, out, _ = toyclip("bench", "--pairs", 2)
    assert (code, benched) == (0, [0, 1])
    head, first, second, median, apart, machine = out.splitlines()
    assert head.split() == ["seed", "reference", "fast", "ratio", "accuracy:", "reference,", "fast"]
    assert first.split() == ["0", "75.3", "s", "2.00", "s", "37.6", "100.00%,", "99.58%"]
    assert second.split() == ["1", "80.0", "s", "2.51", "s", "31.9", "99.79%,", "100.00%"]
    assert median == "fast is 34.8 times as fast (median; 31.9 to 37.6, 2 pairs)"
    assert apart.startswith("not in these times: drawing, 0.7 s a world; evaluating, all epochs of a run, ")
    assert apart.endswith(" 5.00 s (reference), 0.25 s (fast)")  # the mean of a run
    assert machine == "Slow 486, 1 thread of 2; torch 2.13.0"
    assert not list(tmp_path.iterdir())


def test_bench_compares_five_pairs_unless_told_otherwise(benched, toyclip):
    assert toyclip("bench")[0] == 0
    assert benched == [0, 1, 2, 3, 4]


def test_small_bench_from_end_to_end(toyclip, monkeypatch):
    """48 pictures to train on, 16 held out, one epoch against two."""
    quick = replace(recipes.FAST, epochs=1, batch_size=24)
    rungs = (Rung("long", replace(quick, name="reference", epochs=2)), Rung("short", quick))
    monkeypatch.setattr(speedrun, "RUNGS", rungs)
    monkeypatch.setattr(speedrun, "world", lambda seed: data.split(data.draw_pairs(4, seed), seed))
    code, out, _ = toyclip("bench", "--pairs", 1)
    assert code == 0
    lines = out.splitlines()
    assert lines[1].split()[0] == "0"
    assert float(lines[1].split()[5]) > 0
    assert lines[-1].startswith(provenance.machine()["processor"])


@pytest.mark.parametrize("pairs", [0, -1, "two"])
def test_bench_of_no_pairs_is_wrong_usage(pairs, benched, toyclip):
    code, out, err = toyclip("bench", "--pairs", pairs)
    assert (code, out, benched) == (2, "", [])
    assert len(err.splitlines()) == 1
    assert "--pairs" in err


@pytest.mark.parametrize("error", [InputError("no"), LossNotFiniteError("the loss is nan at step 3")])
def test_bench_that_fails_says_why_in_one_line(error, toyclip, monkeypatch):
    def bench(seed: int) -> dict:
        raise error

    monkeypatch.setattr(speedrun, "bench", bench)
    code, out, err = toyclip("bench")
    assert (code, out) == (2, "")
    assert err.splitlines()[-1] == f"toyclip: {error}"


# --- bad input -------------------------------------------------------------------------------------------------------

CIRCLE = "{files}/circle.png"
DEVICES = ("tpu", "", " ", "meta", "cuda:99", "cuda:", "cuda:-1", "cpu:7", "CPU", "xla", "hpu", "privateuseone",
           "mkldnn", "vulkan", "mtia", "xpu", "lazy", "0", "None", "é", "cpu\n")  # fmt: skip
BAD = {
    "unknown word": (("classify", CIRCLE, "a purple circle"), ["'purple'. The vocabulary", "yellow", "cross"]),
    "misspelt word": (("classify", CIRCLE, "a rad circle"), ["'rad'; did you mean 'red'?", "yellow", "cross"]),
    "empty caption": (("classify", CIRCLE, "a red circle", ""), ["empty"]),
    "long caption": (("classify", CIRCLE, "a red red red circle"), ["at most 4"]),
    "missing picture": (("classify", "{files}/no.png", "red"), ["there is no file", "no.png"]),
    "text as picture": (("classify", "{files}/text.png", "red"), ["cannot read", "text.png"]),
    "half a picture": (("classify", "{files}/half.png", "red"), ["cannot read", "half.png"]),
    "folder as picture": (("classify", "{files}", "red"), ["cannot read"]),
    "missing model": (("classify", CIRCLE, "red", "--model", "{files}/no"), ["there is no file"]),
    "half a model": (("classify", CIRCLE, "red", "--json", "--model", "{files}/half.safetensors"), ["no whole"]),
    "picture as model": (("eval", "--model", CIRCLE), ["no whole toyclip model"]),
    "no epochs": (("train", "--epochs", "0", "--out", "{out}/m"), ["epochs=0", "at least 1"]),
    "unknown recipe": (("train", "--recipe", "slow", "--out", "{out}/m"), ["'slow'", "reference, fast"]),
    **{
        f"device {device!r}": (("train", "--device", device, "--out", "{out}/m"), [f"device {device!r}", "use cpu"])
        for device in DEVICES
    },
    **{
        f"study on {device!r}": (("study", "fast", "--device", device, "--out", "{out}/m"), [f"device {device!r}"])
        for device in ("meta", "", "hpu")
    },
    "no such folder": (("train", "--epochs", "1", "--out", "{out}/none/m"), ["cannot write"]),
    "history in no folder": (("train", "--out", "{out}/m", "--json", "{out}/none/h"), ["cannot write"]),
    "model over the history": (("train", "--out", "{out}/m", "--json", "{out}/m"), ["same file"]),
    "the same another way": (("train", "--out", "{out}/m", "--json", "{out}/../{name}/./m"), ["same file"]),
    "name too long": (("train", "--out", "{out}/" + "m" * 300), ["cannot write", "File name too long"]),
    "history's too long": (("train", "--out", "{out}/m", "--json", "{out}/" + "é" * 128), ["File name too long"]),
    **{
        f"out at {place}": (("train", "--out", place), ["cannot write", place])
        for place in ("/dev/null", "/dev/full", "/dev/stdout", "/proc/m", "")
    },
    **{
        f"history at {place}": (("train", "--json", place), ["cannot write", place])
        for place in ("/dev/null", "/dev/full", "/dev/stdout", "/proc/m", "")
    },
    **{
        f"study at {place}": (("study", "fast", "--out", place), ["cannot write into", place])
        for place in ("{files}/text.png", "{files}/text.png/x", "{files}/no/x", "/proc/x")
    },
    "study's name too long": (
        ("study", "fast", "--out", "{out}/" + "x" * 300),
        ["File name too long", "another place"],
    ),
    "stale under a file": (("study", "--stale", "--out", "{files}/text.png/x"), ["cannot write into"]),
    "every study under a file": (("study", "--all", "--out", "{files}/text.png/x"), ["cannot write into"]),
    "unknown study": (("study", "dreams", "--out", "{out}"), ["'dreams'", "fast", "captions"]),
    "study two ways": (("study", "fast", "--all", "--out", "{out}"), ["names, or --all, or --stale"]),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_gets_one_line_and_leaves_no_file(name, toyclip, folder, tmp_path, recwarn, monkeypatch):
    """Before any work is begun, and without a warning of others."""
    arguments, told = BAD[name]
    monkeypatch.setattr(train, "world", pytest.fail)
    places = {"files": folder, "out": tmp_path, "name": tmp_path.name}
    code, out, err = toyclip(*(argument.format(**places) for argument in arguments))
    assert code == 2
    assert out == ""
    assert len(err.splitlines()) == 1
    assert err.startswith("toyclip: ")
    assert all(part.format(**places) in err for part in told)
    assert not list(tmp_path.iterdir())
    assert not recwarn.list


@pytest.mark.parametrize("recipe", [{"lr": 1e30}, {"batch_size": 1000}])
def test_run_that_fails_leaves_no_file_and_the_old_one_as_it_was(recipe, small_world, toyclip, tmp_path, monkeypatch):
    (tmp_path / "old").write_text("old")
    monkeypatch.setitem(recipes.RECIPES, "fast", replace(recipes.RECIPES["fast"], **recipe))
    code, out, err = toyclip("train", "--recipe", "fast", "--out", tmp_path / "old", "--json", tmp_path / "new")
    assert (code, out) == (2, "")
    assert err.splitlines()[-1].startswith("toyclip: ")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"old": "old"}


USAGE = [("train", "--epochs", "two"), ("train", "--seed", "-1"), ("classify",), ("classify", "circle.png"),
         ("train", "--depth", "4"), ("draw",), ("frequency",), ("study", "fast", "--workers", "0"),
         ("study", "fast", "--seeds", "0"), ("bench", "--pairs", "0"), ("bench", "out.json")]  # fmt: skip


@pytest.mark.parametrize("arguments", USAGE, ids=" ".join)
def test_command_that_makes_no_sense_ends_with_code_2(arguments, toyclip):
    code, out, err = toyclip(*arguments)
    assert (code, out) == (2, "")
    assert err


@pytest.mark.parametrize("arguments", USAGE, ids=" ".join)
def test_command_that_makes_no_sense_gets_one_line(arguments, toyclip):
    """It ends with where to read on: the help of the command, if there is one of this name."""
    told = toyclip(*arguments)[2]
    assert len(told.splitlines()) == 1
    command = "" if arguments[0] in ("draw", "frequency") else f"{arguments[0]} "
    assert told.endswith(f" See 'toyclip {command}--help'.\n")


@pytest.mark.parametrize("arguments", USAGE, ids=" ".join)
def test_help_that_is_pointed_to_is_there(arguments, toyclip):
    pointed = toyclip(*arguments)[2].split("'")[-2]
    code, out, _ = toyclip(*shlex.split(pointed)[1:])
    assert (code, out.split()[0]) == (0, "Usage:")


def test_seed_beyond_64_bits_is_refused(toyclip):
    assert toyclip("train", "--recipe", "fast", "--epochs", "1", "--seed", str(2**64))[0] == 2


def commands() -> Iterator[str]:
    """Every command that a text in the package names; what is filled in later is the name of a study."""
    for path in sorted(Path(cli.__file__).parent.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        if not re.search(r"toyclip (?!import\b)", source):  # most files, of which none has to be taken apart
            continue
        tree = ast.parse(source)
        pieces = {id(piece) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for piece in node.values}
        docs = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}  # docstrings, which nobody is shown
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                text = "".join(p.value if isinstance(p, ast.Constant) else "<fast>" for p in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in pieces | docs:
                text = node.value
            else:
                continue
            for command in re.findall(r"\b(?:python -m )?toyclip [a-z]+\b[^'`\n]*", text):
                if command.startswith("python -m toyclip ") or f"'{command}'" in text:
                    yield command.replace("<fast>", "fast").split("#")[0].strip()


COMMANDS = sorted(set(commands()))


def test_commands_are_found():
    assert {"toyclip train --out FILE", "python -m toyclip study fast"} <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_command_that_a_message_names_reaches_its_work(command, toyclip, tmp_path, monkeypatch):
    def work(*arguments, **options):
        raise InputError("the work is reached")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(train, "train", work)
    monkeypatch.setattr(training, "fit", work)
    monkeypatch.setattr(lab_command, "study", work)
    words = shlex.split(command.removeprefix("python -m "))
    code, out, err = toyclip(*words[1:])
    assert (code, out, err.splitlines()[-1]) == (2, "", "toyclip: the work is reached")


@pytest.mark.parametrize("option", ["--out", "--json"])
def test_run_that_cannot_be_stored_says_first_how_it_ended(option, small_world, toyclip, tmp_path, monkeypatch):
    """The disk fills up while it trains."""
    place = tmp_path / "file"
    place.write_text("old")

    def full(path, *arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    monkeypatch.setattr(Path, "write_text", full)
    code, out, err = toyclip("train", "--recipe", "fast", "--epochs", 1, option, place)
    assert code == 2
    assert out.startswith("74,913 parameters, 1 epochs in ")
    assert err.splitlines()[-1].startswith(f"toyclip: cannot write '{place}' (No space left on device); ")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"file": "old"}


@pytest.mark.parametrize(
    "arguments",
    [("--help",), ("--version",), ("train", "--help"), ("study",)],
    ids=lambda arguments: " ".join(arguments),
)
def test_output_that_finds_no_room_is_one_line(arguments):
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "toyclip", *arguments]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert done.stderr.startswith("toyclip: ")
    assert "No space left on device" in done.stderr


@pytest.mark.parametrize("as_json", [(), ("--json",)])
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_answers_that_are_not_finite_are_refused(value, as_json, folder, toyclip, monkeypatch):
    """Should a picture bring them about which no check of the model foresaw."""
    monkeypatch.setattr(zero_shot, "similarities", lambda *arguments: torch.tensor([[0.5, value]]))
    code, out, err = toyclip("classify", folder / "circle.png", "red", "blue", *as_json)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert "not finite" in err


def test_classify_says_nothing_on_stderr_even_if_all_warnings_are_shown(folder):
    command = [sys.executable, "-W", "always", "-m", "toyclip", "classify", folder / "circle.png", "a red circle"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_model_with_nan_inside_is_refused(folder, toyclip, tmp_path):
    model = ToyCLIP().requires_grad_(False)
    model.text_encoder.projection.bias[0] = torch.nan
    checkpoint.save(model, Tokenizer(), tmp_path / "nan.safetensors")
    arguments = ("classify", folder / "circle.png", "red", "--json", "--model", tmp_path / "nan.safetensors")
    assert toyclip(*arguments)[0] == 2
