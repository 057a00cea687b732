"""A CLIP and a SigLIP of Hugging Face in the book's functions; the oracle is what transformers itself answers."""

import copy
import json
import shutil
import socket
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import tiny_models
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import load_file, save_file

from toyclip.binding import bind
from toyclip.data import CAPTIONS, Tokenizer, draw_pairs
from toyclip.encoders import Config, ToyCLIP
from toyclip.errors import CaptionError, ImageError, ModelFileError
from toyclip.infonce import info_nce
from toyclip.own import hub, opening
from toyclip.own.hugging_face import HuggingFaceCLIP, Pieces
from toyclip.own.opening import opened
from toyclip.own.parameters import untrained
from toyclip.recipes import Recipe
from toyclip.studies.batch.ablations import sigmoid
from toyclip.train import batches, contrastive, fit
from toyclip.zero_shot import accuracy, classifier, similarities

transformers = pytest.importorskip("transformers")
MEAN, STD = (0.48, 0.46, 0.41), (0.27, 0.26, 0.28)
ABOUT = "preprocessor_config.json"


def random_batch(vocabulary: int, pairs: int = 6, seed: int = 0):
    """Pictures as bytes, (B, 3, 32, 32), and token ids that end in the highest id, (B, L)."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(256, (pairs, 3, 32, 32), generator=generator, dtype=torch.uint8)
    tokens = torch.randint(2, vocabulary - 1, (pairs, tiny_models.LENGTH), generator=generator)
    tokens[:, -1] = 1  # both tiny tokenizers' captions end in 1 or have no end to look for
    return images, tokens


def by_hand(images: torch.Tensor) -> torch.Tensor:
    """What a processor makes of bytes."""
    shape = (3, 1, 1)
    return (images.double() / 255 - torch.tensor(MEAN).double().view(shape)) / torch.tensor(STD).double().view(shape)


# --- loss and gradients ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["clip", "siglip"])
@pytest.mark.parametrize(("dtype", "close"), [(torch.float64, 1e-7), (torch.float32, 1e-5)], ids=["double", "single"])
def test_loss_and_all_gradients_are_those_of_transformers(kind, dtype, close):
    """Ours through the adapter, theirs by `return_loss=True` on a copy of the same model."""
    config = tiny_models.clip_config() if kind == "clip" else tiny_models.siglip_config()
    theirs = untrained(config, seed=1).to(dtype)
    ours = HuggingFaceCLIP(copy.deepcopy(theirs), MEAN, STD).to(dtype)
    images, tokens = random_batch(config.text_config.vocab_size)
    expected = theirs(input_ids=tokens, pixel_values=by_hand(images).to(dtype), return_loss=True).loss
    loss = (contrastive if kind == "clip" else sigmoid)(ours, images, tokens)
    assert loss.item() == pytest.approx(expected.item(), abs=close)
    loss.backward()
    expected.backward()
    got = dict(ours.hugging_face[0].named_parameters())
    assert sum(p.numel() for p in ours.parameters()) == sum(p.numel() for p in theirs.parameters())
    largest = max(parameter.grad.abs().max() for parameter in theirs.parameters())
    for name, parameter in theirs.named_parameters():
        assert (got[name].grad - parameter.grad).abs().max() <= close * largest, name
    assert largest > 1e-3  # there is something to compare


def test_one_loop_trains_the_toy_and_a_model_of_hugging_face():
    """`fit` steps a CLIPModel as a loop written for it does, with its own loss and torch's AdamW; so does the toy."""
    theirs = untrained(tiny_models.clip_config(), seed=2).double()
    ours = HuggingFaceCLIP(copy.deepcopy(theirs), MEAN, STD).double()
    images, tokens = random_batch(50, pairs=8)
    recipe = Recipe("tiny", epochs=2, batch_size=4, lr=1e-2, one_cycle=True, image_encoder="strided")
    order = [list(epoch) for epoch in batches(8, 4, 2, seed=0)]
    losses = [loss for loss, _ in fit(ours, images, tokens, recipe, order)]
    optimizer = torch.optim.AdamW(theirs.parameters(), weight_decay=recipe.weight_decay)
    expected = []
    for step, batch in enumerate(batch for epoch in order for batch in epoch):
        optimizer.param_groups[0]["lr"] = 1e-2 * [0.5, 1, 2 / 3, 1 / 3][step]  # up for a quarter, then down
        loss = theirs(input_ids=tokens[batch], pixel_values=by_hand(images[batch]), return_loss=True).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(theirs.parameters(), 1.0)
        optimizer.step()
        expected.append(loss.item())
    assert losses == pytest.approx([sum(expected[:2]) / 2, sum(expected[2:]) / 2], abs=1e-9)
    for (name, one), other in zip(theirs.named_parameters(), ours.hugging_face[0].parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-7), name
    toy = ToyCLIP(Config(image_encoder="strided", width=8, vocab_size=300, context_length=tiny_models.LENGTH))
    first, last = (loss for loss, _ in fit(toy, images, tokens, recipe, order))
    assert last < first


def test_scale_keeps_the_bounds_of_clip_and_siglip_has_none():
    for config, kept in ((tiny_models.clip_config(), 100), (tiny_models.siglip_config(), 200)):
        model = HuggingFaceCLIP(untrained(config, seed=0), MEAN, STD)
        with torch.no_grad():
            model.log_logit_scale.fill_(torch.tensor(200.0).log())
        model.clamp_logit_scale()
        assert model.hugging_face[0].logit_scale.exp().item() == pytest.approx(kept, rel=1e-4)


def test_bind_and_classifier_take_its_space():
    clip, pieces, *_ = opened(tiny_models.saved("clip"))
    images, _ = random_batch(50, pairs=8)
    with torch.no_grad():
        anchors = clip.embed_images(images)  # (8, 8)
    inputs = torch.eye(8)  # (8, 8), a modality of eight things
    bound = bind(torch.nn.Linear(8, 8), inputs, anchors, epochs=60, batch_size=8, lr=0.03)
    assert bound.losses[-1] < bound.losses[0]
    assert info_nce(bound.embed(inputs) @ anchors.T * 10) < info_nce(bound.embed(inputs.flip(0)) @ anchors.T * 10)
    assert classifier(clip, ["a red circle", "a cross"], pieces).shape == (2, 8)


def test_another_kind_of_model_and_another_size_of_picture_are_refused():
    with pytest.raises(ModelFileError, match="kind 'bert'"):
        HuggingFaceCLIP(SimpleNamespace(config=SimpleNamespace(model_type="bert")), MEAN, STD)
    clip = opened(tiny_models.saved("clip")).model
    with pytest.raises(ImageError, match=r"20 x 32 pixels; this model reads 32 x 32"):
        clip.embed_images(torch.zeros(1, 3, 20, 32))


# --- captions --------------------------------------------------------------------------------------------------------


@given(st.lists(st.text("abcdeglnoqrstuw éñ猫!'", min_size=1, max_size=16).filter(str.strip), min_size=1, max_size=4))
@settings(max_examples=40)
def test_pieces_are_those_of_transformers_and_refuse_what_does_not_fit(captions):
    tokenizer = tiny_models.clip_tokenizer()
    pieces = Pieces(tokenizer, tiny_models.LENGTH)
    rows = [tokenizer(text)["input_ids"] for text in captions]
    unknown = any(tokenizer.unk_token_id in row[1:-1] for row in rows)  # CLIP's unknown piece is that of the end
    if unknown or max(map(len, rows)) > tiny_models.LENGTH:
        with pytest.raises(CaptionError, match=r"at most 10 fit|no piece"):
            pieces.encode(captions)
        return
    expected = [row + [tokenizer.pad_token_id] * (tiny_models.LENGTH - len(row)) for row in rows]
    assert pieces.encode(captions).tolist() == expected


def test_captions_that_say_nothing_are_refused():
    pieces = Pieces(tiny_models.siglip_tokenizer(), tiny_models.LENGTH)
    assert pieces.decode(pieces.encode(["A red  circle"])) == ["a red circle"]
    wrong = {"single string": "red", "is empty": ["red", " "], "no piece": ["a red xylophone"]}
    wrong["12 word pieces; at most 11 fit"] = ["red", "a red circle " * 4]
    for told, captions in wrong.items():
        with pytest.raises(CaptionError, match=told):
            pieces.encode(captions)


# --- pictures and whole answers --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Files of several sizes and kinds, the first wider than high."""
    folder = tmp_path_factory.mktemp("pictures")
    generator = torch.Generator().manual_seed(5)
    for number, (size, mode) in enumerate([((70, 40), "RGB"), ((31, 90), "RGB"), ((64, 64), "P"), ((40, 40), "L")]):
        pixels = torch.randint(256, (size[1] // 10 + 1, size[0] // 10 + 1, 3), generator=generator, dtype=torch.uint8)
        Image.fromarray(pixels.numpy()).resize(size).convert(mode).save(folder / f"{number}.png")
    return sorted(folder.iterdir())


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_similarities_of_files_are_those_of_processor_and_model(kind, pictures, capfd):
    folder = tiny_models.saved(kind)
    clip, pieces, read, *_ = opened(folder)
    texts = ["a red circle", "a cross", "blue"]
    ours = similarities(clip, torch.stack([read(path) for path in pictures]), classifier(clip, texts, pieces))
    assert capfd.readouterr() == ("", "")
    made = transformers.CLIPImageProcessorPil if kind == "clip" else transformers.SiglipImageProcessorPil
    processor = made.from_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = (transformers.CLIPModel if kind == "clip" else transformers.SiglipModel).from_pretrained(folder)
    with torch.no_grad():
        out = model(
            pixel_values=processor([Image.open(p).convert("RGB") for p in pictures], return_tensors="pt")[
                "pixel_values"
            ],
            input_ids=tokenizer(
                texts, padding="max_length", max_length=tiny_models.LENGTH, return_tensors="pt"
            ).input_ids,
        )
    logits = clip.logit_scale * ours + getattr(clip, "logit_bias", 0)
    assert torch.allclose(logits, out.logits_per_image, atol=1e-4)
    assert ours.std() > 1e-3


# --- the command line ------------------------------------------------------------------------------------------------


def test_classify_answers_as_the_model_does(pictures, toyclip):
    code, out, err = toyclip("classify", pictures[0], "a red circle", "a cross", "--json", "--model",
                             tiny_models.saved("clip"))  # fmt: skip
    assert (code, err) == (0, "")
    clip, pieces, read, *_ = opened(tiny_models.saved("clip"))
    with torch.no_grad():
        logits = clip(read(pictures[0])[None], pieces.encode(["a red circle", "a cross"]))[0]
    told = {row["label"]: row["probability"] for row in json.loads(out)}
    assert [told["a red circle"], told["a cross"]] == pytest.approx(logits.softmax(0).tolist(), abs=1e-5)


def test_eval_enlarges_the_world_for_the_model(toyclip, monkeypatch):
    monkeypatch.setattr("toyclip.data.draw_pairs", lambda per_class, seed: draw_pairs(2, seed))
    code, out, err = toyclip("eval", "--model", tiny_models.saved("siglip"))
    assert (code, err) == (0, "")
    clip, pieces, *_ = opened(tiny_models.saved("siglip"))
    share = accuracy(clip, draw_pairs(2, 1_000_000), pieces)  # this model reads 32 x 32, as the toy does
    assert f"fresh pictures: {share:.1%} of 32 right" in out
    other = opened(tiny_models.saved("siglip")).fit(torch.full((2, 3, 50, 20), 200, dtype=torch.uint8))
    assert torch.equal(other, torch.full((2, 3, 32, 32), 200, dtype=torch.uint8))


def change(file: str, **entries: object):
    """A fault: entries of a JSON file of the folder are others; "text.x" stands for x in text_config."""

    def spoil(folder: Path) -> None:
        about = json.loads((folder / file).read_text())
        for name, value in entries.items():
            place = about["text_config"] if name.startswith("text_") else about
            place[name.removeprefix("text_")] = value
        (folder / file).write_text(json.dumps(about))

    return spoil


def weights(edit):
    """A fault: the weights are others."""

    def spoil(folder: Path) -> None:
        held = load_file(folder / "model.safetensors")
        edit(held)
        save_file(held, folder / "model.safetensors", metadata={"format": "pt"})

    return spoil


def pickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def halve(folder: Path) -> None:
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])


def without(file: str):
    return lambda folder: (folder / file).unlink()


PROJECTION = "visual_projection.weight"
BROKEN = {
    "no config": (without("config.json"), "lacks config.json"),
    "no weights": (without("model.safetensors"), "lacks weights"),
    "pickled weights": (pickled, "only in pytorch_model.bin, which may run code"),
    "no tokenizer": (without("tokenizer_config.json"), "lacks tokenizer_config.json"),
    "no processor": (without(ABOUT), f"lacks {ABOUT}"),
    "half the weights": (halve, "no whole CLIP"),
    "no JSON": (lambda folder: (folder / "config.json").write_text("{"), "no whole CLIP"),
    "another kind": (change("config.json", model_type="bert"), "of kind 'bert'"),
    "one weight missing": (weights(lambda held: held.pop(PROJECTION)), f"such as {PROJECTION}"),
    "one weight too many": (weights(lambda held: held.update(more=torch.zeros(1))), "unexpected keys"),
    "a weight of another shape": (weights(lambda held: held.update({PROJECTION: torch.zeros(8, 9)})), "no whole CLIP"),
    "a weight that is NaN": (weights(lambda held: held[PROJECTION].fill_(torch.nan)), "no finite numbers"),
    "too few words": (change("config.json", text_vocab_size=99), "no whole CLIP"),
    "another end of captions": (change("config.json", text_eos_token_id=7), "the model waits for 7"),
    "pixels of another range": (change(ABOUT, rescale_factor=1 / 127.5), "does not bring bytes to 0 to 1"),
    "pictures of another size": (change(ABOUT, crop_size={"height": 16, "width": 16}), "16 x 16 pixels"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_broken_folder_is_one_line(name, pictures, toyclip, tmp_path):
    spoil, told = BROKEN[name]
    folder = shutil.copytree(tiny_models.saved("clip"), tmp_path / "model")
    spoil(folder)
    code, out, err = toyclip("classify", pictures[0], "a red circle", "--model", folder)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert told in err
    assert str(folder) in err


def test_without_transformers_one_line_names_the_extra(pictures, toyclip, monkeypatch):
    monkeypatch.setattr(opening, "find_spec", lambda name: None)
    for model in (tiny_models.saved("clip"), "openai/clip-vit-base-patch32"):
        code, _, err = toyclip("classify", pictures[0], "a red circle", "--model", model)
        assert (code, len(err.splitlines())) == (2, 1)
        assert "pip install -e '.[real]'" in err


# --- the hub ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def cache(monkeypatch, tmp_path):
    """An empty cache of huggingface_hub, and no network."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


def keep(cache: Path, ref: str, commit: str, *files: Path) -> None:
    """Put files into the cache as if somebody had fetched them from openai/tiny."""
    place = cache / "models--openai--tiny"
    (place / "refs" / ref).parent.mkdir(parents=True, exist_ok=True)
    (place / "refs" / ref).write_text(commit)
    (place / "snapshots" / commit).mkdir(parents=True)
    for file in files:
        shutil.copy(file, place / "snapshots" / commit)


def test_a_name_that_is_out_of_reach_is_one_line(cache, pictures, toyclip):
    code, out, err = toyclip("classify", pictures[0], "red", "--model", "openai/clip-vit-base-patch32")
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert "'openai/clip-vit-base-patch32' is no file, no folder and not whole in the cache" in err
    assert "connect, or give a folder" in err


def test_a_name_in_the_cache_needs_no_network(cache, pictures, toyclip):
    keep(cache, "main", "a" * 40, *tiny_models.saved("clip").iterdir())
    by_name = toyclip("classify", pictures[0], "a red circle", "a cross", "--model", "openai/tiny")
    by_folder = toyclip("classify", pictures[0], "a red circle", "a cross", "--model", tiny_models.saved("clip"))
    assert by_name == by_folder
    assert by_name[0] == 0


def test_weights_come_from_the_bots_request_if_there_are_pickles_only(cache, monkeypatch):
    """And from nobody else's; once fetched, they are found without a network."""
    files = list(tiny_models.saved("clip").iterdir())
    described = [file for file in files if file.suffix == ".json"]
    keep(cache, "main", "a" * 40, *described)
    keep(cache, "pr/3", "c" * 40, *files)  # somebody's, whom nobody can ask about without a network
    with pytest.raises(ModelFileError, match="out of reach"):
        opened("openai/tiny")
    asked = []

    def requests(name, author, discussion_type):
        asked.append((name, author, discussion_type))
        for number, by, title in ((3, "somebody", hub.TITLE), (4, hub.BOT, "Another"), (5, hub.BOT, hub.TITLE)):
            yield SimpleNamespace(author=by, title=title, git_reference=f"refs/pr/{number}")

    real = hub._snapshot

    def fetch(name, revision):
        if revision is None:
            return real(name, None)
        keep(cache, revision.removeprefix("refs/"), "b" * 40, *files)
        return cache / "models--openai--tiny" / "snapshots" / ("b" * 40)

    monkeypatch.setattr("huggingface_hub.get_repo_discussions", requests)
    monkeypatch.setattr(hub, "_snapshot", fetch)
    opened("openai/tiny")
    assert asked == [("openai/tiny", hub.BOT, "pull_request")]
    assert sorted(p.name for p in (cache / "models--openai--tiny" / "refs" / "pr").iterdir()) == ["3", "5"]
    opened("openai/tiny")
    assert len(asked) == 1
    monkeypatch.setattr("huggingface_hub.get_repo_discussions", lambda *args, **kwargs: iter(()))
    (cache / "models--openai--tiny" / "refs" / hub.OURS).unlink()
    with pytest.raises(ModelFileError, match="lacks weights"):
        opened("openai/tiny")


def test_only_files_that_cannot_run_code_are_asked_for(cache, monkeypatch):
    """The patterns against the names that repositories really hold."""
    from huggingface_hub.utils import filter_repo_objects

    asked = {}
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda name, **kwargs: asked.update(kwargs) or "there")
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", lambda *args, **kwargs: None)
    hub._snapshot("openai/tiny", None)
    names = ["README.md", "config.json", "flax_model.msgpack", "merges.txt", "model.safetensors", "modeling_x.py",
             "model-00001-of-00002.safetensors", "model.safetensors.index.json", "preprocessor_config.json",
             "pytorch_model.bin", "spiece.model", "tf_model.h5", "tokenizer.json", "vocab.json", "x.pkl"]  # fmt: skip
    left = set(names) - set(filter_repo_objects(names, allow_patterns=asked["allow_patterns"]))
    assert left == {"README.md", "flax_model.msgpack", "modeling_x.py", "pytorch_model.bin", "tf_model.h5", "x.pkl"}
    assert asked["etag_timeout"] <= 5


def test_a_hub_that_never_answers_is_given_up(cache, monkeypatch):
    """A server that takes the connection and says nothing."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(hub, "PATIENCE", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
        start = time.perf_counter()
        with pytest.raises(ModelFileError, match="timed out"):
            opened("openai/tiny")
    assert time.perf_counter() - start < 10


def test_without_a_name_the_shipped_model_answers():
    assert accuracy(opened().model, draw_pairs(2, 7), Tokenizer(), CAPTIONS) > 0.9
