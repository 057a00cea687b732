"""Scenes, questions and instructions against the words they stand for; tuning against what it may and may not touch."""

import copy

import pytest
import torch

from toyclip import streams
from toyclip.errors import InputError
from toyclip.studies.language import instructions, scenes
from toyclip.studies.language.instructions import ARMS, Amounts, examine, luck, models, task_sets, tune
from toyclip.studies.taxonomy.language import LanguageModel

TINY = Amounts(width=8, pretraining=3, tuning=3, batch_size=8, examples=(0, 4, 12), test=50)
KIND = {word: kind for kind, words in scenes.ATTRIBUTES.items() for word in words}
SOME = [(kind, place) for kind in range(4) for place in range(3)]


def words(tokens: torch.Tensor) -> list[list[str]]:
    return [text.split() for text in scenes.tokenizer().decode(tokens)]


def objects(scene: list[str]) -> list[dict[str, str]]:
    """Kind -> value of each object, from the words alone."""
    return [{KIND[word]: word for word in scene[start : start + 4]} for start in (0, 4, 8)]


def test_a_scene_names_every_attribute_of_every_object_once_in_an_order_of_its_own():
    values, scene = scenes.draw(300, streams.rng(0, "x"))
    firsts = set()
    for row, said in zip(values.tolist(), words(scene), strict=True):
        assert [[scenes.ATTRIBUTES[k].index(o[k]) for k in scenes.ATTRIBUTES] for o in objects(said)] == row
        firsts.add(tuple(KIND[word] for word in said[:4]))
    assert len(firsts) == 24
    assert torch.allclose(torch.bincount(values.flatten(), minlength=4) / values.numel(), torch.tensor(0.25), atol=0.03)


def test_objects_of_a_scene_have_orders_of_their_own():
    _, scene = scenes.draw(100, streams.rng(0, "x"))
    same = [[KIND[w] for w in said[:4]] == [KIND[w] for w in said[4:8]] for said in words(scene)]
    assert sum(same) < 20


def test_statements_are_true_and_never_say_place_and_attribute_before_the_value():
    forms = set()
    for said in words(scenes.told(300, streams.rng(1, "x"))):
        for first, second, third in (said[12:15], said[15:18]):
            if first in scenes.PLACES:
                assert objects(said[:12])[scenes.PLACES.index(first)][third] == second
            else:
                assert third == "."
                assert second in [o[first] for o in objects(said[:12])]
            forms.add(first)
    assert forms == {*scenes.PLACES, *scenes.ATTRIBUTES}


@pytest.mark.parametrize("seed", range(5))
def test_the_twelve_tasks_are_dealt_into_three_sets(seed):
    sets = scenes.tasks(seed)
    assert sorted(task for tasks in sets.values() for task in tasks) == SOME
    assert {name: len(tasks) for name, tasks in sets.items()} == {
        "seen": 6, "unseen pairing": 3, "unseen attribute": 3,
    }  # fmt: skip
    for attribute, place in sets["unseen pairing"]:  # both parts are seen, and not together
        assert any(a == attribute for a, _ in sets["seen"])
        assert any(p == place for _, p in sets["seen"])
    assert {a for a, _ in sets["unseen attribute"]} == {seed % 4}
    assert sorted(p for _, p in sets["unseen pairing"]) == [0, 1, 2]


def test_what_is_held_out_rotates():
    assert len({str(scenes.tasks(seed)) for seed in range(5)}) >= 4  # 24 ways, drawn


@pytest.mark.parametrize("instruction", scenes.INSTRUCTIONS)
def test_the_answer_is_what_the_scene_says(instruction):
    prompts, answers, values = scenes.ask(instruction, SOME, 200, 3, "test")
    places = words(scenes.ask("full", SOME, 200, 3, "test")[0])
    for said, (answer,), row, full in zip(
        words(prompts), words(answers[:, None]), values.tolist(), places, strict=True
    ):
        place, kind = full[14:]
        seen = objects(said[:12])
        assert answer == seen[scenes.PLACES.index(place)][kind]
        assert [scenes.ATTRIBUTES[kind][value] for value in row] == [o[kind] for o in seen]
        assert said[:12] == full[:12]  # one seed asks all instructions about the same scenes
        rest = {
            "full": ["tell", "me", place, kind],
            "space": ["tell", "me", "some", kind],
            "none": ["tell", "me", "some", "thing"],
            "new form": ["tell", place, kind, "please"],
        }
        if instruction in rest:
            assert said[12:] == rest[instruction]
        else:
            *shown, told = said[12:]
            assert len(set(shown)) == 3
            assert {KIND[word] for word in said[12:]} == {kind}
            assert (told == shown[scenes.PLACES.index(place)]) == (instruction == "right example")


def test_a_wrong_example_is_wrong_in_every_way():
    """Its answer is either of the other two objects' values, or the one that none has, equally often."""
    prompts, _, _ = scenes.ask("wrong example", [(0, 0)], 900, 0, "x")
    where = [said[12:15].index(said[15]) if said[15] in said[12:15] else 3 for said in words(prompts)]
    assert where.count(0) == 0
    assert [where.count(place) / 900 for place in (1, 2, 3)] == pytest.approx([1 / 3] * 3, abs=0.06)


def test_other_purposes_and_seeds_have_other_scenes():
    one, again, purpose, seed = (
        scenes.ask("full", SOME, 20, *which)[0][:, : scenes.SCENE]
        for which in ((0, "test"), (0, "test"), (0, "tuning"), (1, "test"))
    )
    assert torch.equal(one, again)
    assert not torch.equal(one, purpose)
    assert not torch.equal(one, seed)


def test_unknown_instruction_is_refused():
    with pytest.raises(InputError, match="no instruction 'half'; choose one of full, space"):
        scenes.ask("half", SOME, 2, 0, "test")


@pytest.mark.parametrize("seed", range(4))
def test_falsifiers_share_an_output_space_or_have_one_each(seed):
    one, own = task_sets("one space", seed)["seen"], task_sets("own spaces", seed)["seen"]
    assert len({a for a, _ in one}) == 1
    assert len({p for _, p in one}) == len(one) == 2
    assert [a for a, _ in own] == [0, 1, 2, 3]
    assert {p for _, p in own} == {0, 1, 2}


def test_luck_is_counted_by_hand():
    first = scenes.FIRST_VALUE
    values = torch.tensor([[0, 0, 1], [2, 1, 3], [3, 3, 3], [1, 0, 2]])
    assert luck(values, torch.tensor([first, first + 2, first + 3, first + 4])) == {
        "any word": 0.25,
        "any object": pytest.approx((2 / 3 + 1 / 3 + 1 + 1 / 3) / 4, abs=1e-4),
    }


class Says(torch.nn.Module):
    """Says one word each, whatever it is asked."""

    def __init__(self, said: list[int]):
        super().__init__()
        self.said = torch.tensor(said)

    def forward(self, tokens):
        return torch.nn.functional.one_hot(self.said, 40)[:, None].float() * 9


def test_an_answer_can_be_right_or_in_the_scene_or_only_of_the_right_kind():
    red = scenes.FIRST_VALUE
    values = torch.tensor([[0, 1, 2]]).expand(6, 3)
    answers = torch.full((6,), red)
    said = [red, red + 1, red + 3, red + 4, 2, red + 2]  # right, green, yellow, a circle, a place, blue
    found = examine(Says(said), torch.ones(6, 2, dtype=torch.int64), answers, values)
    assert found == {"right": 0.1667, "in scene": 0.5, "in space": 0.6667}


def test_tuning_leaves_the_model_alone_and_asks_for_the_answer_only(monkeypatch):
    """One example, so that every batch is of it; its loss by hand."""
    model = LanguageModel(29, 18, width=8, seed=1)
    prompts, answers, _ = scenes.ask("full", [(0, 0)], 1, 0, "tuning")
    losses = []

    def descend(trained, loss_of, updates, lr):
        losses.append(loss_of().item())
        assert (updates, trained is model) == (6, False)
        next(trained.parameters()).data.add_(1)

    monkeypatch.setattr(instructions, "descend", descend)
    before = copy.deepcopy(model.state_dict())
    tuned = tune(model, prompts, answers, updates=6, batch_size=8, seed=0)
    log_p = model(prompts)[0, -1].log_softmax(0)
    assert losses == [pytest.approx(-log_p[answers[0]].item(), abs=1e-5)]
    assert all(torch.equal(before[name], weights) for name, weights in model.state_dict().items())
    assert not torch.equal(tuned.words.weight, model.words.weight)


def test_fewer_examples_are_the_first_of_more(monkeypatch):
    given = []
    monkeypatch.setattr(instructions, "tune", lambda model, prompts, *rest: given.append(prompts) or model)
    found = models(ARMS["full"], SOME, TINY, seed=0)
    assert [len(prompts) for prompts in given] == [4, 12]
    assert len(found) == 3
    assert torch.equal(given[0], given[1][:4])


def test_pretraining_asks_for_statements_and_not_for_scenes(monkeypatch):
    losses = []

    def once(model, loss_of, updates):
        loss_of().backward()
        losses.append(model.positions.weight.grad.abs().sum(1))
        return 0.0

    monkeypatch.setattr(instructions, "descend", once)
    instructions.pretrained.cache_clear()
    model = instructions.pretrained(TINY, 7)
    instructions.pretrained.cache_clear()
    assert losses[0][16] > 0
    assert losses[0][17] == 0
    tokens = scenes.told(4, streams.rng(7, "pretraining"))
    other = tokens.clone()
    other[:, 11] = 1  # what a scene ends with is a reason to say something else
    assert not torch.equal(model(tokens)[:, 11], model(other)[:, 11])


def test_every_arm_reports_its_sets():
    for name, arm in ARMS.items():
        found = instructions.instructions(name, 0, TINY)
        assert set(found) == set(task_sets(arm.tasks, 0))
        for told in found.values():
            assert all(len(told[m]) == 3 for m in ("right", "in scene", "in space"))
            assert all(r <= s <= k for r, s, k in zip(told["right"], told["in scene"], told["in space"], strict=True))


def test_arms_are_asked_in_the_way_they_were_tuned(monkeypatch):
    asked = []
    right = scenes.ask
    monkeypatch.setattr(scenes, "ask", lambda *args: asked.append((args[0], args[4])) or right(*args))
    instructions.instructions("wrong example", 0, TINY)
    assert set(asked) == {("wrong example", "test"), ("wrong example", "tuning")}
