"""All studies in miniature, called as the engine calls them: declared soundly, repeatable, JSON, the seed matters."""

import functools
import inspect
import json
import pkgutil
import random
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib import import_module
from importlib.resources import files

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from studies.generation.small import TINY as TRIAL
from studies.real_encoders.small_minilm import small_minilm
from studies.samples import emoji_world, shapes_world, ticking, tiny_world
from torch import Tensor

from toyclip import studies, train
from toyclip.data import CAPTIONS, Pairs, Tokenizer
from toyclip.encoders import ToyCLIP
from toyclip.errors import InputError
from toyclip.pictures import emoji
from toyclip.recipes import FAST, REFERENCE
from toyclip.studies import all_studies
from toyclip.studies.batch import ablations, footprint, starts, sweeps
from toyclip.studies.cascade import ablations as bindings
from toyclip.studies.cascade import emergent, hubs, pairing
from toyclip.studies.composition import unseen
from toyclip.studies.conclusion import factorial
from toyclip.studies.frequency import (
    concepts,
    corpus,
    counting,
    ease,
    interventions,
    looks,
    models,
    priming,
    synthetic,
    words,
)
from toyclip.studies.generation import captions as generation_captions
from toyclip.studies.generation import flow, lots, scripts
from toyclip.studies.language import (
    emergence,
    emulated,
    examples,
    formats,
    frontier,
    held,
    instructions,
    leak,
    shots,
    thoughts,
)
from toyclip.studies.real_encoders import counts, few_labels, further, heads, ranking, scratch, transfer, wording
from toyclip.studies.real_encoders import kinds as real_kinds
from toyclip.studies.real_encoders.features import Pictures, concept_names
from toyclip.studies.scale import climb, sharing
from toyclip.studies.speedrun import bench, missed
from toyclip.studies.speedrun.ladder import Rung, mirror
from toyclip.studies.taxonomy import carried, grading, kinds, seeing, shown
from toyclip.studies.zero_shot import captions, outside, prompts, structure
from toyclip.zero_shot import classifier, similarities

STUDIES = all_studies()
recipe_of = factorial.recipe_of  # as it is, for a shorter one
TINY = corpus.Size(levels=5, per_level=2, updates=2, batch_size=2, test=2)  # 10 concepts, 62 pictures
LONGER = replace(TINY, levels=6)
GRID = unseen.GridSize(pictures=56, updates=2, batch_size=4, test=1)
SEVERAL = [name for name, study in STUDIES.items() if study.conditions]
RUNS = [(name, condition) for name, study in STUDIES.items() for condition in study.conditions or (None,)]
SOUNDS = pairing.Size(pairs=4, test=3, epochs=1, batch_size=16)
LINES = examples.Lessons(updates=2, batch_size=4, width=8, counts=(0, 2), prompts=20, lines=3)
QUICK = replace(FAST, epochs=1, batch_size=24)  # 2 batches in the tiny world


@pytest.fixture(scope="module", autouse=True)
def _small() -> Iterator[None]:
    """Every world is small and every run short; what measures time finds a clock that ticks at every look."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (train, captions, structure, prompts, outside, bench, missed, hubs):
            patch.setattr(module, "world", tiny_world)
        for module in (captions, structure, bench):
            patch.setattr(module, "accuracy", confidence)
        for module in (train, bench, sweeps, footprint):
            patch.setattr(module, "time", ticking())
        defaults = {  # which no patch of a name reaches
            captions.captions: (QUICK,),
            captions.unseen: (QUICK,),
            **dict.fromkeys((prompts.questions, prompts.wordings, prompts.gap), (QUICK,)),
            prompts.invented: (replace(QUICK, epochs=3),),
            missed.missed: (QUICK,),
            outside.outside: (QUICK, 1),
            interventions.condition: (TINY, "cpu"),
            counting.counting: (TINY, "cpu"),
            models.model_run: (TINY, "cpu"),
            priming.priming: (TINY, "cpu"),
            ease.ease_run: (TINY, "cpu"),
            looks.grid_run: (replace(TINY, levels=len(looks.CELLS), per_level=1), "cpu"),
            looks.far_run: (TINY, "cpu"),
            looks.leak_run: (replace(TINY, batch_size=200), "cpu"),
            synthetic.synthetic: (TINY, 40, "cpu"),
            words.words_run: (None, "cpu"),
            unseen.composition: (GRID, "cpu"),
            unseen.borrowed: (GRID, "cpu"),
            **dict.fromkeys((lots.lots_run, generation_captions.captions_run), (TRIAL, "cpu")),
            flow.draw: (16, 2, 2.0),  # pictures of 16 px in two steps
            scripts.scripts_run: (replace(TRIAL, ladder=replace(TRIAL.ladder, levels=8)), "cpu"),
            **dict.fromkeys((emergent.emergent, bindings.ablation), (SOUNDS,)),
            bench.matrix_rate: (8, 2),
            few_labels.few_labels: (few_labels.Effort(updates=2),),
            scratch.scratch: (scratch.Effort(pictures=40, updates=2, batch_size=8, test=20),),
            **dict.fromkeys((carried.carried, shown.shown), (carried.Amounts(1, 1, 1, 2, 2, 2),)),
            held.held: (held.Amounts(pretraining=3, adaptation=(1, 2), asked=32),),
            climb.climb: (climb.Size(asked=4, unseen=3, test=2, part=100),),
            formats.formats: (formats.Size(pretraining=40, batch=32, rewarded=3, looks=1),),
            emulated.emulated: (emulated.Amounts((8, 12), reading=40, tuning=20, batch=32),),
            thoughts.thoughts: (thoughts.Size(updates=2, steps=2, batch=4, thoughts=2, test=20),),
            leak.leak: (leak.Size(updates=2, batch=8, company=3, keywords=1),),
            shots.shots: (shots.Amounts((1, 2), pool=10, test=2, draws=3, recipe=QUICK, lessons=LINES),),
            emergence.patience: (emergence.Scope(widths=(8,), asked=30, looks=2, part=100),),
            emergence.emergence: (emergence.Scope(widths=(8, 12), asked=30, looks=2, part=100),),
            instructions.instructions: (instructions.Amounts(8, 5, 5, 8, (0, 20), 60),),
            frontier.frontier: (frontier.Amounts(4, 3, 60, 60),),
        }
        for function, short in defaults.items():
            plain = inspect.unwrap(function)  # what wraps it has no defaults
            assert len(plain.__defaults__) == len(short), function
            patch.setattr(plain, "__defaults__", short)
        patch.setattr(structure, "REFERENCE", replace(REFERENCE, epochs=1, batch_size=16))
        patch.setattr(structure, "FAST", QUICK)
        patch.setattr(hubs, "FAST", QUICK)
        patch.setattr(bindings, "STOPS", (0, 2))
        for name, arm in bindings.ARMS.items():
            patch.setitem(
                bindings.ARMS, name, arm | ({"updates": 2 * (arm["updates"] > 4)} if "updates" in arm else {})
            )
        patch.setattr(bench, "PART", 2)
        patch.setattr(bench, "RUNGS", (Rung("slow", replace(QUICK, name="reference")), Rung("quick", QUICK)))
        patch.setattr(bench, "IDEAS", (Rung("as it is", QUICK), Rung("mirrored", QUICK, new_loss=mirror)))
        patch.setattr(bench, "step_seconds", lambda size, seed, threads=1: size / threads)
        patch.setattr(counting, "SCHOOLING", {"good tagger": 4, "poor tagger": 2})
        patch.setattr(sharing, "scaling", shared_steps)
        patch.setattr(sharing, "time", ticking())
        for name, value in {"NEW_WORDS": 3, "PICTURES": 2, "PRESENTATIONS": 2, "COMPANY": 5}.items():
            patch.setattr(priming, name, value)
        patch.setattr(ablations, "WORLDS", {"shapes": shapes_world, "emoji": emoji_world})
        for module in (ablations, sweeps, starts):
            patch.setattr(module, "EPOCHS", {"shapes": 1, "emoji": 1})
        patch.setattr(
            sweeps, "POINTS", [(*point, 32) for point in dict.fromkeys(p[:2] for p in sweeps.POINTS if p[0] != "time")]
        )
        patch.setattr(sweeps, "UPDATES", {"shapes": 2, "emoji": 3})
        for module in (sweeps, starts):
            patch.setattr(module, "RATES", sweeps.RATES[1:])
        patch.setattr(starts, "BATCH", 16)
        for name, (size, *others) in words.CONDITIONS.items():
            patch.setitem(words.CONDITIONS, name, (TINY if size is corpus.FULL else LONGER, *others))
        for name, value in {"CAPTIONS": 8, "PICTURES": 8, "EPOCHS": 2}.items():
            patch.setattr(factorial, name, value)
        patch.setattr(
            factorial, "recipe_of", lambda arm: replace(recipe_of(arm), batch_size=max(2, arm.batch_size // 16))
        )
        patch.setattr(transfer, "CONCEPTS", 40)
        patch.setattr(scratch, "CLASSES", {name: k // 10 for name, k in scratch.CLASSES.items()})
        patch.setattr(wording, "TWO_MEANINGS", concept_names()[:8])
        patch.setattr(few_labels, "reader", functools.cache(small_minilm))
        patch.setattr(few_labels, "NEW", 4)
        patch.setattr(further, "_tensors", functools.cache(near))
        for module in (transfer, counts, wording, few_labels):
            patch.setattr(module, "train_heads", few_updates)
        for module in (grading, ranking):
            patch.setattr(module, "average_precision_score", precision)
        patch.setattr(grading, "DEALS", 2)
        for name, value in {"UPDATES": 2, "BATCH": 64, "HIDDEN": 8}.items():
            patch.setattr(real_kinds, name, value)
        sheet = functools.cache(emoji)  # is read once, and not for every run
        for module in (concepts, kinds, seeing):
            patch.setattr(module, "emoji", sheet)
        patch.setattr(footprint, "_peak_mb", lambda: 100.0)
        patch.setattr(footprint, "measure", measure_one)
        forget()
        yield
    forget()


def confidence(model: ToyCLIP, pairs: Pairs, tokenizer: Tokenizer) -> float:
    """Stands in for accuracy, which on a few pictures is the same for many models: the mean cosine with the answer."""
    cosine = similarities(model, pairs.pixels, classifier(model, CAPTIONS, tokenizer))  # (N, 16)
    return cosine.gather(1, pairs.classes[:, None]).double().mean().item()


def precision(right: np.ndarray, scores: np.ndarray) -> float:
    """Average precision without scikit-learn's checks, which take longer than most of these runs."""
    ranked = right[np.argsort(-scores, kind="stable")]
    return float((ranked.cumsum() / np.arange(1, len(ranked) + 1))[ranked.astype(bool)].mean())


def measure_one(step: str, batch_size: int, seed: int) -> dict:
    """Six pairs instead of 512, in this process; nothing of larger batches."""
    return footprint._measure_here(step, 6, 4, seed, 1) if batch_size == 512 else {"batch_size": batch_size}


def shared_steps(counts: Sequence[int], batch: int, rounds: int, steps: int, seed: int) -> list[dict[str, float]]:
    """Stands in for a measurement in several processes: twice as many take half the time."""
    line = {"gather": 0.1, "optimisers": 0.1}
    return [line | {"processes": n, "seconds": (batch + seed) / n} for n in counts] * rounds


def few_updates(
    shown: Pictures, captions: Sequence[Tensor], training: heads.Training, seed: int, names: Tensor | None = None
) -> tuple[heads.Heads, float]:
    """Heads after five updates, whatever the training."""
    return heads.train_heads(shown, captions, heads.Training(updates=5, batch_size=32), seed, names)


def near() -> dict[str, Tensor]:
    """What is stored of photographs and icons, as if all of them showed one of the first 40 concepts."""
    held = load_file(str(files("toyclip.assets") / further.DATA))
    return {name: rows % 40 if name.endswith("concept") else rows for name, rows in held.items()}


def forget() -> None:
    """What a process keeps from run to run; a new one has nothing."""
    worlds = (factorial.world, corpus.base_corpus, corpus.held_out_corpus, ease.ease)
    hubs_kept = (hubs.hub, hubs.checkpoints, pairing.heard, emergent.sounds_of, emergent.lender, bindings.shown)
    for kept in (*worlds, *hubs_kept, sweeps.choose_rates, starts.best_rate):
        kept.cache_clear()
    for kept in (few_labels.said, few_labels.introduced, further.far_pictures):
        kept.cache_clear()
    for kept in (frontier.warmed_up, instructions.pretrained, leak.pretrained, thoughts.pretrained):
        kept.cache_clear()
    for kept in (
        carried.taxonomy_of,
        carried.language,
        carried.lessons,
        carried.drawings,
        carried.features,
        shown.looks,
        formats.pretrained,
    ):
        kept.cache_clear()


def run(name: str, condition: str | None, seed: int) -> object:
    """One run, as the engine calls it."""
    return STUDIES[name].run(*(() if condition is None else (condition,)), seed)


def global_state() -> tuple:
    threads = torch.get_num_threads()
    return str(np.random.get_state()), random.getstate(), torch.get_rng_state().tolist(), threads  # noqa: NPY002


def test_every_table_of_studies_is_declared():
    modules = [m.name for m in pkgutil.walk_packages(studies.__path__, "toyclip.studies.") if not m.ispkg]
    tables = {name for name in modules if hasattr(import_module(name), "STUDIES")}
    assert tables == {f"toyclip.studies.{module}" for module in studies.DECLARE}
    assert sum(len(import_module(name).STUDIES) for name in tables) == len(STUDIES) == 61


def test_two_studies_of_one_name_are_refused(monkeypatch):
    monkeypatch.setattr(studies, "DECLARE", (*studies.DECLARE, "zero_shot.captions"))
    with pytest.raises(ValueError, match="two studies are called 'captions'; give one of them another name"):
        all_studies()


@pytest.mark.parametrize("name", STUDIES)
def test_study_is_declared_soundly(name):
    study = STUDIES[name]
    module = sys.modules[study.run.__module__]
    assert study.name == name
    assert re.fullmatch(r"[a-z_]+", name)
    assert study.seeds >= (1 if study.alone else 3)  # what is alone takes minutes of the whole machine
    assert len(set(study.conditions)) == len(study.conditions) != 1
    assert getattr(import_module(study.run.__module__), study.run.__qualname__) is study.run  # so do workers find it
    assert study in module.STUDIES
    assert study.alone == hasattr(module, "time")  # whatever looks at a clock has the machine to itself
    assert study.usual is None


def test_numbers_of_seeds_are_enough_for_their_intervals():
    assert {name: STUDIES[name].seeds for name in ("reference", "fast", "bench")} == {
        "reference": 3, "fast": 200, "bench": 5,
    }  # fmt: skip
    assert min(STUDIES[name].seeds for name in SEVERAL) == 4  # the models', which are 18 a seed


@pytest.mark.parametrize("name", SEVERAL)
def test_unknown_condition_is_refused_and_all_known_ones_are_named(name):
    with pytest.raises(InputError, match=r"there is no \w+ 'bass'; choose one of ") as caught:
        run(name, "bass", 0)
    told = str(caught.value).partition("choose one of ")[2]
    assert told == ", ".join(STUDIES[name].conditions)


@functools.cache
def first(name: str, condition: str | None) -> object:
    """The run of seed 0, which several tests look at."""
    return run(name, condition, 0)


@pytest.mark.parametrize(("name", "condition"), RUNS)
def test_result_is_json_without_loss(name, condition):
    result = first(name, condition)
    assert json.loads(json.dumps(result, allow_nan=False)) == result


@pytest.mark.parametrize("name", STUDIES)
def test_run_is_repeatable_and_the_seeds_own(name):
    """Whatever ran before in the process, and whatever the global generators are at."""
    conditions = STUDIES[name].conditions or (None,)
    condition = conditions[len(conditions) // 2]
    before_others = first(name, condition)
    others = [run(name, condition, seed) for seed in ((1, 2, 3) if name in ("invented", "bias_starts") else (1,))]
    forget()
    random.seed(1), np.random.seed(1), torch.manual_seed(1)  # noqa: NPY002
    state = global_state()
    assert run(name, condition, 0) == before_others
    assert global_state() == state
    assert any(other != before_others for other in others)  # an accuracy of a few pictures may be the same by luck


@pytest.mark.parametrize("name", SEVERAL)
def test_conditions_differ(name):
    results = [json.dumps(first(name, condition)) for condition in STUDIES[name].conditions]
    assert len(set(results)) >= len(results) - NO_DIFFERENCE.get(name, 0)


NO_DIFFERENCE = {
    "shots": 3,  # readers of two batches of documents; test_shots.py looks at what documents they read
    "bias_starts": 2,  # as in factorial
    "climb": 1,  # accuracies on 8 pictures; test_climb.py looks at what rungs are made of
    "instructions": 1,  # where each task has answers of its own, what else it says may make none
    "frequency_conditions": 3,  # limits of 512, 256 and 187 pictures, of which there are 16 here at most
    "cascade_ablations": 3,  # hubs of two updates, of which there are two here
    "cascade": 2,  # answers to 48 sounds of three names each; test_cascade_wing.py looks at who was trained on what
    "factorial": 14,  # accuracies on 64 pictures are often the same; test_factorial.py looks at what arms are made of
}
