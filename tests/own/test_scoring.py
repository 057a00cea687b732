"""A folder of labelled pictures as a table: against answers that are known, and against those of each picture alone."""

import csv
import tempfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from toyclip.data import CLASSES, draw
from toyclip.errors import InputError, ModelFileError
from toyclip.own import scoring
from toyclip.own.open_clip import from_open_clip
from toyclip.own.opening import Opened, opened
from toyclip.pictures import load_picture
from toyclip.zero_shot import classifier, predict

CONCEPTS = ("ant", "bee", "cat", "dog")


class Knows:
    """A model that sees in a picture the number of a concept, and in a sentence which concept it names."""

    device = torch.device("cpu")

    def embed_images(self, images):
        return F.one_hot(images[:, 0, 0, 0].long(), len(CONCEPTS)).float()

    def embed_texts(self, tokens):
        return F.one_hot(tokens[:, 0], len(CONCEPTS)).float()


class Names:
    """Its tokenizer."""

    def encode(self, captions):
        return torch.tensor([[next(i for i, concept in enumerate(CONCEPTS) if concept in text)] for text in captions])


KNOWS = Opened(Knows(), Names(), lambda path: torch.full((3, 1, 1), int(path.read_text())), lambda x: x, "some {}")
answers = st.fixed_dictionaries({c: st.lists(st.integers(0, 3), max_size=7) for c in CONCEPTS})


@given(answers, st.integers(1, 4))
@settings(max_examples=12)
def test_counts_are_those_of_the_answers(answers, at_a_time):
    """Each picture is a file that holds what the model will see in it."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(scoring, "BATCH", at_a_time)
        for concept, seen in answers.items():
            (Path(folder) / concept).mkdir()
            for number, answer in enumerate(seen):
                (Path(folder) / concept / f"{number}.png").write_text(str(answer))
        if not any(answers.values()):
            with pytest.raises(InputError, match="no picture that can be read"):
                scoring.score(KNOWS, folder)
            return
        result = scoring.score(KNOWS, folder)
    assert result.concepts == list(CONCEPTS)
    assert result.n == [len(answers[concept]) for concept in CONCEPTS]
    assert result.correct == [answers[concept].count(number) for number, concept in enumerate(CONCEPTS)]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Six classes of the toy's world with four pictures each, hard to tell apart; among them what is none."""
    folder, rng = tmp_path_factory.mktemp("files") / "world", np.random.default_rng(0)
    for color, shape in CLASSES[::3]:
        place = folder / f"{color}_{shape}"
        place.mkdir(parents=True)
        for number in range(4):
            noisy = draw(color, shape, rng) / 4 + rng.uniform(0, 190, (32, 32, 3))
            Image.fromarray(noisy.astype(np.uint8)).save(place / f"{number}.png")
    half = (folder / "red_circle" / "0.png").read_bytes()[:300]
    (folder / "red_circle" / "half.png").write_bytes(half)
    (folder / "red_cross" / "notes.txt").write_text("a red cross")
    (folder / "red_cross" / ".hidden").write_text("nothing")
    (folder / "red_cross" / "deeper").mkdir()
    (folder / ".cache").mkdir()
    (folder / "readme.txt").write_text("not a concept")
    return folder


def table(path: Path) -> list[dict[str, str]]:
    """The lines of a CSV file."""
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def test_table_is_that_of_the_pictures_one_by_one(pictures, toyclip, tmp_path):
    model, tokenizer, *_ = opened()
    concepts = sorted(f"{color} {shape}" for color, shape in CLASSES[::3])
    weights = classifier(model, [f"a {concept}" for concept in concepts], tokenizer)
    counts = tmp_path / "counts.csv"
    names = [concept.replace(" ", (" ", "_", "__ ")[i % 3]) for i, concept in enumerate(concepts)]
    lines = [f"{10**i},{name}\n" for i, name in enumerate([*names, "more"])]
    counts.write_text("count,concept\n" + "".join(reversed(lines)))
    code, out, err = toyclip("score", pictures, "--out", tmp_path / "table.csv", "--counts", counts)
    assert code == 0
    rows = table(tmp_path / "table.csv")
    assert list(rows[0]) == ["concept", "count", "correct", "n", "dataset", "model"]
    for number, (row, concept) in enumerate(zip(rows, concepts, strict=True)):
        files = sorted((pictures / concept.replace(" ", "_")).glob("[0-9].png"))
        alone = [predict(model, load_picture(file)[None], weights).item() == number for file in files]
        assert (row["concept"], row["count"], row["n"]) == (concept, str(10**number), "4")
        assert row["correct"] == str(sum(alone))
        assert (row["dataset"], row["model"]) == ("world", "toyclip")
    right = sum(int(row["correct"]) for row in rows)
    assert 3 < right < 24  # neither always nor never
    assert out.startswith(f"{right / 24:.1%} of 24 pictures right among 6 concepts (95 % interval")
    assert out.endswith("chance 16.7%), 2 skipped\n")
    skipped = [line for line in err.splitlines() if line]
    assert len(skipped) == 2
    assert "half.png" in skipped[0]
    assert "notes.txt" in skipped[1]


def test_missing_count_is_found_before_any_picture_is_looked_at(pictures, toyclip, tmp_path, monkeypatch):
    monkeypatch.setattr(scoring, "score", lambda *_: pytest.fail("pictures were scored"))
    (tmp_path / "few.csv").write_text("concept,count\nred_circle,1\n")
    code, _, err = toyclip("score", pictures, "--out", tmp_path / "table.csv", "--counts", tmp_path / "few.csv")
    assert (code, "no count for 'blue triangle'" in err) == (2, True)


def test_templates_are_averaged(pictures):
    model = opened()
    one, both = (scoring.score(model, pictures, t).correct for t in (["{}"], ["{}", "a {} cross"]))
    tokenizer, read = model.tokenizer, model.read
    names = list(scoring.concept_folders(pictures))
    weights = classifier(model.model, [[name, f"a {name} cross"] for name in names], tokenizer)
    for number, place in enumerate(scoring.concept_folders(pictures).values()):
        seen = torch.stack([read(file) for file in sorted(place.glob("[0-9].png"))])
        assert both[number] == (predict(model.model, seen, weights) == number).sum()
    assert one != both


def test_concept_without_a_readable_picture_stays_a_choice_and_gets_no_line(pictures, toyclip, tmp_path):
    for name in ("red_circle", "blue_cross"):
        (tmp_path / "set" / name).mkdir(parents=True)
    (tmp_path / "set" / "red_circle" / "1.png").write_bytes((pictures / "red_circle" / "1.png").read_bytes())
    (tmp_path / "set" / "blue_cross" / "1.png").write_text("no picture")
    code, out, err = toyclip("score", tmp_path / "set", "--out", tmp_path / "table.csv")
    assert code == 0
    assert "of 1 pictures right among 2 concepts" in out
    assert "'blue cross' has no picture that can be read, and no line in the table" in err
    assert [row["concept"] for row in table(tmp_path / "table.csv")] == ["red circle"]


WRONG = {
    "no folder": (("{t}/none",), "is no folder"),
    "one concept": (("{t}/one",), "has 1 folders"),
    "two of one name": (("{t}/twice",), "two folders for 'red cross'"),
    "two but for capitals": (("{t}/capitals",), "two folders for 'red cross'"),
    "no pictures": (("{t}/empty",), "no picture that can be read"),
    "no place in the template": (("{p}", "--template", "a photo"), "needs one '{}'"),
    "unknown word": (("{p}", "--template", "photo {}"), "unknown word 'photo'"),
    "no counts": (("{p}", "--counts", "{t}/none.csv"), "cannot read"),
    "no column": (("{p}", "--counts", "{t}/columns.csv"), "needs the columns concept and count"),
    "a count too few": (("{p}", "--counts", "{t}/few.csv"), "no count for 'blue triangle'"),
    "half a count": (("{p}", "--counts", "{t}/half.csv"), "with the count '1.5'"),
    "less than none": (("{p}", "--counts", "{t}/less.csv"), "with the count '-1'"),
    "a count twice": (("{p}", "--counts", "{t}/double.csv"), "'red cross' a second time"),
    "a count twice by another name": (("{p}", "--counts", "{t}/under.csv"), "'red cross' a second time"),
    "a line too short": (("{p}", "--counts", "{t}/short.csv"), "no count for 'blue triangle'"),
    "no file": (("{p}", "--model", "{t}/no.safetensors"), "there is no file"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_one_line_and_leaves_no_table(name, pictures, toyclip, tmp_path):
    for place in (
        "one/red",
        "twice/red_cross",
        "twice/red cross",
        "capitals/Red_Cross",
        "capitals/red cross",
        "empty/red_cross",
        "empty/blue_cross",
    ):
        (tmp_path / place).mkdir(parents=True)
    for file, text in {
        "columns": "name,count\nred,1",
        "few": "concept,count\nred,1",
        "less": "concept,count\nred,-1",
        "half": "concept,count\nred,1.5",
        "under": "concept,count\nred cross,1\nred_cross,2",
        "short": "count,concept\n1\n",
        "double": "concept,count\nred cross,1\nred cross,2",
    }.items():
        (tmp_path / f"{file}.csv").write_text(text)  # fmt: skip
    arguments, told = WRONG[name]
    arguments = [word.replace("{t}", str(tmp_path)).replace("{p}", str(pictures)) for word in arguments]
    code, out, err = toyclip("score", *arguments, "--out", tmp_path / "table.csv")
    assert (code, out) == (2, "")
    assert told in [line for line in err.splitlines() if line][-1]
    assert not (tmp_path / "table.csv").exists()


def test_answers_that_are_not_finite_are_refused(pictures):
    class Lost(Knows):
        def embed_images(self, images):
            return torch.full((len(images), len(CONCEPTS)), torch.nan)

    with pytest.raises(ModelFileError, match="not finite"):
        scoring.score(KNOWS._replace(model=Lost(), read=load_picture, tokenizer=SimpleNamespace(
            encode=lambda texts: torch.zeros(len(texts), 1, dtype=torch.int64))), pictures)  # fmt: skip


class LikeOpenCLIP(torch.nn.Module):
    """What a model of OpenCLIP offers, with one linear layer a side."""

    context_length, vocab_size = 5, 300

    def __init__(self):
        super().__init__()
        self.visual, self.words = torch.nn.Linear(3 * 8 * 8, 6), torch.nn.Embedding(300, 6)
        self.logit_scale, self.logit_bias = torch.nn.Parameter(torch.tensor(5.0)), None

    def encode_image(self, image, normalize=False):
        return self.visual(image.flatten(1))

    def encode_text(self, text, normalize=False):
        return self.words(text).mean(dim=1)


def test_model_of_open_clip_scores_too(pictures):
    """Its transform scales to 8 x 8 around 0, its tokenizer takes five letters; the answers are worked out again."""

    def transform(picture):
        return torch.from_numpy(np.asarray(picture.resize((8, 8)), dtype=np.float32)).permute(2, 0, 1) / 100 - 1

    def tokenizer(texts):
        return torch.tensor([[ord(text[i]) for i in (13, 14, -1, -5, -7)] for text in texts])

    with torch.random.fork_rng():
        torch.manual_seed(0)
        torch_model = LikeOpenCLIP()
    model = from_open_clip(torch_model, transform, tokenizer)
    result = scoring.score(model, pictures)
    names = list(scoring.concept_folders(pictures))
    words = F.normalize(torch_model.encode_text(tokenizer([f"a photo of a {name}" for name in names])), dim=1)
    for number, place in enumerate(scoring.concept_folders(pictures).values()):
        seen = torch.stack([transform(Image.open(file)) for file in sorted(place.glob("[0-9].png"))])
        assert result.correct[number] == ((torch_model.encode_image(seen) @ words.T).argmax(dim=1) == number).sum()
    assert model.model.logit_scale.item() == pytest.approx(np.exp(5), rel=1e-5)
    model.model.clamp_logit_scale()
    assert torch_model.logit_scale.exp().item() == pytest.approx(100, rel=1e-5)
    assert model.fit(torch.zeros(2, 3, 32, 32, dtype=torch.uint8)).shape == (2, 3, 8, 8)
    with pytest.raises(InputError, match="a word in each"):
        model.tokenizer.encode(["red", " "])
