"""Ways to get CLIP and its experiments wrong, each a replacement for a function of the package.

A fault is a function that takes what stands under a dotted name of toyclip and returns what is to stand there instead.
They are errors of thought, such as have been made; slips of an operator or a constant are what `mutants.py` makes.
"""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F


@dataclass(frozen=True)
class Fault:
    """A wrong replacement for `name` of `module`; a name with a dot is a method."""

    module: str  # without the package's name
    name: str
    make: Callable

    @property
    def title(self) -> str:
        """What is wrong, in words."""
        return self.make.__name__.replace("_", " ")

    def plant(self) -> None:
        """Put the replacement in its place, before any other module takes the right one from there."""
        from importlib import import_module

        owner = import_module(f"toyclip.{self.module}")
        *classes, name = self.name.split(".")
        for part in classes:
            owner = getattr(owner, part)
        setattr(owner, name, self.make(getattr(owner, name)))


FAULTS: list[Fault] = []


def fault(module: str, name: str) -> Callable[[Callable], Callable]:
    """Enter a function into FAULTS."""

    def enter(make: Callable) -> Callable:
        FAULTS.append(Fault(module, name, make))
        return make

    return enter


# --- the loss --------------------------------------------------------------------------------------------------------


@fault("infonce", "info_nce")
def one_direction_of_the_loss_dropped(right):
    return lambda logits: (right(logits), F.cross_entropy(logits, torch.arange(len(logits))))[1]


@fault("infonce", "info_nce")
def labels_shifted_by_one(right):
    return lambda logits: right(logits.roll(1, dims=0) if logits.ndim == 2 else logits)


@fault("infonce", "mask_twins")
def twins_not_masked(right):
    return lambda logits, same_caption: (right(logits, same_caption), logits)[1]


@fault("infonce", "mask_twins")
def pairs_masked_with_their_twins(right):
    return lambda logits, same_caption: logits.masked_fill(same_caption, -torch.inf)


@fault("loss_floor", "floor")
def floor_off_by_one_twin(right):
    def floor(counts, batch_size):
        right(counts, batch_size)
        return right([int(c) + 1 for c in counts], batch_size)

    return floor


@fault("loss_floor", "epoch_floor")
def floor_of_the_last_batch_forgotten(right):
    from toyclip.loss_floor import floor

    return lambda counts, batch_size: floor(counts, batch_size)


@fault("chunked", "chunked_info_nce")
def columns_left_out_of_the_chunked_loss(right):
    def loss(images, texts, logit_scale, chunk):
        right(images, texts, logit_scale, chunk)
        return F.cross_entropy(logit_scale * images @ texts.T, torch.arange(len(images)))

    return loss


@fault("chunked", "cached_step")
def gradients_of_an_earlier_step_thrown_away(right):
    return lambda model, *given: (model.zero_grad(), right(model, *given))[1]


# --- the model -------------------------------------------------------------------------------------------------------


@fault("encoders", "ToyCLIP.embed_images")
def pictures_not_normalised(right):
    return lambda self, images: (right(self, images), self.image_encoder(images))[1]


@fault("encoders", "ToyCLIP.forward")
def captions_not_normalised_in_training(right):
    return lambda self, images, tokens: self.logit_scale * self.embed_images(images) @ self.text_encoder(tokens).T


@fault("encoders", "ToyCLIP.logit_scale")
def scale_exponentiated_twice(right):
    return property(lambda self: self.log_logit_scale.exp().exp())


@fault("encoders", "ToyCLIP.clamp_logit_scale")
def scale_not_clamped(right):
    return lambda self: None


@fault("encoders", "ToyCLIP.__init__")
def temperature_frozen(right):
    def init(self, *given, **named):
        right(self, *given, **named)
        self.log_logit_scale.requires_grad_(False)

    return init


@fault("encoders", "ToyCLIP.__init__")
def seed_of_the_weights_ignored(right):
    from toyclip.encoders import Config

    return lambda self, config=None, seed=0: right(self, config or Config(), 0)


@fault("encoders", "TextEncoder.forward")
def padding_counted_as_a_word(right):
    return lambda self, tokens: self.projection(self.norm((self.tokens(tokens) + self.positions).mean(dim=1)))


@fault("encoders", "TextEncoder.forward")
def positions_left_out(right):
    def forward(self, tokens):
        real = (tokens != 0).unsqueeze(-1)
        return self.projection(self.norm((self.tokens(tokens) * real).sum(dim=1) / real.sum(dim=1)))

    return forward


@fault("encoders", "strided")
def strides_in_another_order(right):
    return lambda width, strides: right(width, tuple(reversed(strides)))


@fault("encoders", "ImageEncoder.forward")
def maximum_instead_of_the_mean(right):
    return lambda self, images: self.projection(self.features(images).amax(dim=(2, 3)))


@fault("data", "standardize")
def bytes_taken_for_floats(right):
    return lambda images: right(images.float())


@fault("vit", "VisionTransformer.forward")
def patches_without_positions(right):
    from toyclip.data import standardize

    def forward(self, images):
        x = self.patches(standardize(images)).flatten(2).transpose(1, 2)
        return self.projection(self.norm(self.blocks(x)).mean(dim=1))

    return forward


# --- the data --------------------------------------------------------------------------------------------------------


@fault("data", "draw_pairs")
def seed_of_the_pictures_ignored(right):
    return lambda per_class, seed, *given, **named: right(per_class, 0, *given, **named)


@fault("data", "split")
def seed_of_the_split_ignored(right):
    return lambda pairs, seed, held_out=0.15: right(pairs, 0, held_out)


@fault("data", "split")
def held_out_pictures_in_training(right):
    return lambda pairs, seed, held_out=0.15: (right(pairs, seed, held_out), (pairs, right(pairs, seed, held_out)[1]))[
        1
    ]


@fault("data", "caption")
def colours_swapped_in_the_captions(right):
    swap = {"red": "blue", "blue": "red"}
    return lambda color, shape, *template: right(swap.get(color, color), shape, *template)


@fault("data", "draw")
def colours_swapped_in_the_pictures(right):
    swap = {"red": "blue", "blue": "red"}
    return lambda color, shape, *given: right(swap.get(color, color), shape, *given)


def _rendered(draw: Callable, **wrong: object) -> Callable:
    from toyclip.data import Rendering

    return lambda color, shape, rng, rendering=None: draw(color, shape, rng, replace(rendering or Rendering(), **wrong))


@fault("data", "draw")
def pictures_without_noise(right):
    return _rendered(right, noise=0.0)


@fault("data", "draw")
def shapes_never_turned(right):
    return _rendered(right, rotation=(0.0,) * 4)


@fault("data", "draw")
def edges_not_smoothed(right):
    return _rendered(right, rotation=(0.0,) * 4)


@fault("data", "render")
def pictures_and_captions_in_another_order(right):
    def render(draw_class, counts, streams):
        pairs = right(draw_class, counts, streams)
        return replace(pairs, captions=pairs.captions.roll(1))

    return render


# --- training --------------------------------------------------------------------------------------------------------


@fault("train", "batches")
def order_of_the_pairs_not_random(right):
    return lambda pairs, size, epochs, seed: [list(torch.arange(pairs).split(size)) for _ in range(epochs)]


@fault("train", "batches")
def same_order_in_every_epoch(right):
    return lambda pairs, size, epochs, seed: list(right(pairs, size, 1, seed)) * epochs


@fault("train", "batches")
def seed_of_the_order_ignored(right):
    return lambda pairs, size, epochs, seed: right(pairs, size, epochs, 0)


@fault("recipes", "schedule")
def learning_rate_held(right):
    return lambda recipe, step, steps_per_epoch: 1.0


@fault("recipes", "optimizers")
def muon_for_every_matrix(right):
    def optimizers(model, recipe):
        from toyclip.muon import Muon

        if not recipe.muon_lr:
            return right(model, recipe)
        matrices = [p for p in model.parameters() if p.requires_grad and p.ndim > 1]
        rest = [p for p in model.parameters() if p.requires_grad and p.ndim <= 1]
        return [(torch.optim.AdamW(rest), recipe.lr), (Muon(matrices, recipe.muon_lr), recipe.muon_lr)]

    return optimizers


@fault("train", "fit")
def captions_of_other_pictures(right):
    return lambda model, images, tokens, *given, **named: right(model, images, tokens.roll(1, dims=0), *given, **named)


@fault("train", "accuracy")
def accuracy_on_training_pictures(right):
    from toyclip.data import draw_pairs

    return lambda model, pairs, *given: right(model, draw_pairs(per_class=30, seed=0), *given)


@fault("muon", "Muon.step")
def momentum_forgotten(right):
    def step(self):
        self.state.clear()
        right(self)

    return step


@fault("muon", "orthogonalize")
def matrix_not_orthogonalized(right):
    return lambda matrix, steps=3: (right(matrix, steps), matrix / matrix.norm())[1]


# --- zero-shot -------------------------------------------------------------------------------------------------------


@fault("zero_shot", "predict")
def argmin_for_argmax(right):
    from toyclip.zero_shot import similarities

    return lambda model, images, weights: similarities(model, images, weights).argmin(dim=1)


@fault("zero_shot", "accuracy")
def prompts_ignored(right):
    return lambda model, pairs, tokenizer, prompts=None: right(model, pairs, tokenizer)


@fault("zero_shot", "classifier")
def ensemble_not_normalised_again(right):
    def classifier(model, prompts, tokenizer):
        right(model, prompts, tokenizer)
        texts = [[p] if isinstance(p, str) else p for p in prompts]
        with torch.no_grad():
            return torch.stack([model.embed_texts(tokenizer.encode(t)).mean(dim=0) for t in texts])

    return classifier


@fault("zero_shot", "classifier")
def only_the_first_prompt_read(right):
    return lambda model, prompts, tokenizer: right(
        model, [p if isinstance(p, str) else p[:1] for p in prompts], tokenizer
    )


@fault("metrics", "recall_at_k")
def ties_count_as_found(right):
    return lambda similarity, relevant, k: right(similarity + 1e-3 * relevant, relevant, k)


@fault("pictures", "frame")
def pictures_squeezed_instead_of_framed(right):
    return lambda picture: picture.resize((max(picture.size),) * 2)


@fault("checkpoint", "load")
def weights_that_are_not_finite_let_in(right):
    import toyclip.checkpoint as checkpoint

    def load(path=checkpoint.PRETRAINED):
        try:
            return right(path)
        except checkpoint.ModelFileError as error:
            if "finite" not in str(error):
                raise
            return right()

    return load


@fault("files", "write_whole")
def files_written_in_place(right):
    return lambda path, write: write(path)


# --- the experiments -------------------------------------------------------------------------------------------------


@fault("studies.frequency.corpus", "assign")
def counts_not_dealt_out_by_chance(right):
    return lambda size, seed: np.sort(right(size, seed))


@fault("studies.frequency.corpus", "assign")
def the_same_lots_for_all_seeds(right):
    return lambda size, seed: right(size, 0)


@fault("studies.frequency.corpus", "assign")
def lots_from_the_stream_of_the_first_concepts_pictures(right):
    from toyclip import streams

    return lambda size, seed: streams.rng(seed, "pictures", 0).permutation(np.sort(right(size, seed)))


@fault("studies.frequency.concepts", "turned")
def corners_cut_off_by_turning(right):
    from PIL import Image

    def turned(concept, angle, extent):
        sprite = concept.sprite.rotate(angle, Image.Resampling.BILINEAR)
        return sprite.resize((round(extent), round(extent)), Image.Resampling.BOX)

    return turned


@fault("studies.frequency.corpus", "batches")
def all_rounds_shuffled_as_one(right):
    def batches(pairs, size, epochs, seed):
        order = torch.cat([torch.cat(list(epoch)) for epoch in right(pairs, size, epochs, seed)])
        yield order[torch.randperm(len(order), generator=torch.Generator().manual_seed(seed))].split(size)

    return batches


@fault("studies.frequency.corpus", "learn")
def model_left_on_the_device(right):
    import functools

    @functools.wraps(right)
    def learn(model, *given, **options):
        model.cpu = lambda: model
        try:
            return right(model, *given, **options)
        finally:
            del model.cpu

    return learn


@fault("studies.frequency.interventions", "capped_counts")
def concepts_without_pictures_make_room(right):
    def capped_counts(counts, limit):
        return np.minimum(right(counts, limit if counts.all() else limit + 1), limit)

    return capped_counts


@fault("studies.frequency.interventions", "mismatched")
def mismatched_in_the_order_of_training(right):
    from toyclip.studies.frequency import interventions
    from toyclip.train import batches

    def mismatched(share):
        def change(size, seed):
            corpus = interventions.base_corpus(size, seed)
            order = torch.cat([*next(batches(len(corpus), 2, 1, seed))])[: round(share * len(corpus))]
            captions = corpus.captions.clone()
            captions[order] = captions[order.roll(1)]
            return replace(corpus, captions=captions)

        return change

    return mismatched


@fault("studies.frequency.corpus", "held_out_corpus")
def tested_on_the_corpus_itself(right):
    from toyclip.studies.frequency.corpus import base_corpus

    return lambda size, seed: base_corpus(size, seed)


@fault("studies.frequency.interventions", "swapped")
def head_and_tail_not_swapped(right):
    from toyclip.studies.frequency.corpus import base_corpus

    return lambda size, seed: base_corpus(size, seed)


@fault("studies.frequency.interventions", "copies")
def copies_of_another_concepts_picture(right):
    def copies(size, seed):
        corpus = right(size, seed)
        return replace(corpus, pixels=corpus.pixels.roll(len(corpus) // 2, dims=0))

    return copies


@fault("studies.frequency.interventions", "nearest")
def farthest_picture_for_the_nearest(right):
    return lambda *given: -right(*given)


@fault("studies.frequency.models", "among")
def words_of_all_concepts_as_answers(right):
    return lambda cosine, shown, concepts: (
        (cosine[concepts[shown]].argmax(dim=1) == shown[concepts[shown]]).double().mean().item()
    )


@fault("studies.frequency.counting", "tag")
def tagger_sure_of_everything(right):
    return lambda tagger, pixels, threshold=0.7: right(tagger, pixels, 0.0)


@fault("studies.frequency.priming", "teach")
def the_model_itself_is_taught(right):
    def teach(model, *given):
        taught = right(model, *given)
        model.load_state_dict(copy.deepcopy(taught.state_dict()))
        return taught

    return teach


@fault("studies.frequency.synthetic", "zipf_counts")
def the_law_without_a_lot(right):
    return lambda concepts, total, seed: -np.sort(-right(concepts, total, seed))


@fault("studies.composition.primary", "holm")
def the_smallest_p_is_adjusted_alone(right):
    return lambda p: {name: min(1.0, value * sum(q >= value for q in p.values())) for name, value in p.items()}


@fault("studies.composition.unseen", "shares_of_parts")
def frequent_parts_left_out_by_design(right):
    return lambda seed: tuple(np.sort(shares) for shares in right(seed))


@fault("studies.composition.unseen", "latin_square")
def a_square_that_is_not_latin(right):
    return lambda seed: np.random.default_rng(seed).permutation(right(seed).ravel()).reshape(8, 8)


@fault("studies.composition.unseen", "factored_run")
def filters_not_taken_over(right):
    from toyclip.studies.composition.unseen import coverage_run

    return lambda partners, size, seed, device="cpu": coverage_run(partners, size, seed, device=device)


@fault("studies.composition.unseen", "borrowed")
def lender_has_seen_all_but_one_diagonal(right):
    from toyclip.studies.composition.unseen import FULL, factored_run

    return lambda seed, size=FULL, device="cpu": factored_run(2, size, seed, device)


@fault("trend", "mean_interval")
def normal_interval_for_students(right):
    def interval(values, confidence=0.95):
        right(values, confidence)
        half = 1.96 * float(np.std(values, ddof=1)) / len(values) ** 0.5
        return float(np.mean(values)), float(np.mean(values)) - half, float(np.mean(values)) + half

    return interval


@fault("trend", "placebo_slopes")
def own_count_not_held_equal(right):
    from toyclip.trend import slopes

    return lambda x, y: slopes(np.roll(x, 1, axis=0), y)


@fault("studies.batch.ablations", "sigmoid")
def sigmoid_without_its_bias(right):
    def loss(model, images, tokens):
        logits = model(images, tokens)
        return -F.logsigmoid((2 * torch.eye(len(logits)) - 1) * logits).sum() / len(logits)

    return loss


@fault("studies.batch.ablations", "learn")
def fixed_scale_learned(right):
    return lambda *given, fixed=False, **named: right(*given, **named)


@fault("studies.speedrun.bench", "timed")
def evaluation_in_the_seconds_of_a_run(right):
    def timed(*given):
        run = right(*given)
        return run | {"seconds": run["seconds"] + run["evaluation"]}

    return timed


@fault("studies.speedrun.missed", "misses")
def misses_are_told_the_wrong_way_round(right):
    return lambda recipe, seed: [[said, truth] for truth, said in right(recipe, seed)]


@fault("studies.speedrun.ladder", "mirror")
def every_batch_mirrored(right):
    from toyclip.train import contrastive

    return lambda: lambda model, images, tokens: contrastive(model, images.flip(3), tokens)


@fault("studies.zero_shot.geometry", "margin")
def margin_to_any_caption(right):
    def margin(similarity, classes):
        own = similarity.gather(1, classes[:, None]).squeeze(1)
        return own - similarity.mean(dim=1)

    return margin


# --- a reader's own captions and loss --------------------------------------------------------------------------------


@fault("own.captions", "folded")
def capitals_tell_captions_apart(right):
    return lambda caption: " ".join(caption.split())


@fault("own.captions", "of_row")
def captions_of_a_list_forget_their_picture(right):
    return lambda *arguments: ((None, caption, times) for _, caption, times in right(*arguments))


@fault("own.twins", "windows")
def windows_of_two_standard_deviations(right):
    def windows(count, total, batch_size):
        low, high = right(count, total, batch_size)
        mean = (batch_size - 1) * (count - 1) / (total - 1)
        reach = 2 * np.sqrt(mean) + 2
        return np.maximum(low, np.floor(mean - reach)).astype(int), np.minimum(high, np.ceil(mean + reach)).astype(int)

    return windows


@fault("own.pretend", "Gathers.with_gradient")
def stand_in_for_a_gather_loses_the_gradient(right):
    return lambda self, tensor, *more, **options: tuple(x.detach() for x in right(self, tensor))


@fault("own.pretend", "Gathers.gather")
def each_process_is_handed_its_own_again(right):
    return lambda self, tensor: (right(self, tensor), [tensor] * self.size)[1]


@fault("own.loss", "untransposed")
def targets_may_be_twisted(right):
    return lambda loss, *batch: right(lambda logits, targets: loss(logits, (targets + targets.T) / 2), *batch)


# --- what is stored --------------------------------------------------------------------------------------------------


@fault("lab.study", "_sha256")
def any_hash_will_do(right):
    return lambda table: table.get("sha256", right(table))


@fault("lab.provenance", "fingerprint")
def no_code_makes_a_result_stale(right):
    return lambda function: (right(function), "0" * 16)[1]


@fault("lab.claims", "outcome")
def a_claim_holds_if_any_part_of_it_does(right):
    return lambda parts: "holds" if any(parts.values()) else right(parts)


@fault("lab.claims", "claims")
def a_claim_that_stands_twice_in_the_table_is_read_once(right):
    def claims(table=None):
        import csv
        from pathlib import Path

        from toyclip.lab.claims import TABLE, Claim

        _, *rows = csv.reader(Path(table or TABLE).read_text(encoding="utf-8").splitlines())
        return {row[0]: Claim(*row) for row in rows}

    return claims


@fault("lab.claims", "box")
def a_box_shows_no_recipe(right):
    return lambda verdict: right(verdict).replace(f" Recipe: {verdict.recipe}.", "")


@fault("lab.claims", "picture")
def every_effect_lies_in_the_middle(right):
    import re

    return lambda effect: re.sub(r'cx="[\d.]+"', 'cx="60"', right(effect))


@fault("lab.answers", "unfinished")
def an_empty_answer_is_judged(right):
    return lambda function: False


@fault("figures.style", "fingerprint")
def a_picture_is_told_by_its_title_alone(right):
    return lambda figure: figure.get_suptitle()


@fault("figures.style", "without_numbers")
def a_text_is_compared_without_its_words(right):
    return lambda text: "#"


@fault("lab.checks", "check")
def a_missed_bound_is_passed_over(right):
    def check(name, measured, bound):
        try:
            right(name, measured, bound)
        except AssertionError:
            print(f"passed: {name} {bound}")

    return check


@fault("infonce", "same")
def no_pair_has_a_twin(right):
    return lambda captions: (right(captions), torch.eye(len(captions), dtype=torch.bool))[1]


@fault("metrics", "interval")
def interval_of_wald(right):
    def interval(successes, trials, confidence=0.95):
        right(successes, trials, confidence)
        share = successes / trials
        half = 1.96 * math.sqrt(share * (1 - share) / trials)
        return share - half, share + half

    return interval


# --- tools for a CLIP of one's own -----------------------------------------------------------------------------------


@fault("own.frequency_trend", "_spread")
def sets_that_differ_are_taken_for_a_trend_within_them(right):
    def spread(sums):
        if sums.ndim < 2:
            return right(sums)
        middle = sums.sum(axis=-2, keepdims=True)[..., 1:3] / np.maximum(sums.sum(axis=-2, keepdims=True)[..., :1], 1)
        w, (x, y), (a, b) = sums[..., 0], np.moveaxis(sums[..., 1:3], -1, 0), np.moveaxis(middle, -1, 0)
        xx, xy, yy = np.moveaxis(sums[..., 3:], -1, 0)
        return np.stack(
            [xx - 2 * a * x + w * a * a, xy - a * y - b * x + w * a * b, yy - 2 * b * y + w * b * b], axis=-1
        )

    return spread


@fault("own.frequency_trend", "_drawn")
def resampled_without_replacement(right):
    return lambda size, k, rng: (right(size, k, rng), np.ones((size, k)))[1]


@fault("own.frequency_trend", "dealt_together")
def counts_dealt_out_over_all_sets(right):
    return lambda sets, concepts, seeds: right(np.zeros_like(sets), concepts, seeds)


@fault("own.frequency_trend", "log_counts")
def concepts_never_named_kept_when_left_out(right):
    return lambda count, rule: (right(count, rule)[0], right(count, "one")[1])


@fault("own.trend_controls", "_predicted")
def curves_judged_on_what_they_were_fitted_to(right):
    def predicted(curves, y, fold, folds):
        twice = (np.tile(curves, 2), np.tile(y, 2), np.concatenate([fold, fold * 0 + folds]), folds + 1)
        return right(*twice)[: len(y)]

    return predicted


@fault("own.trend_words", "too_little")
def too_little_is_enough(right):
    return lambda found: found.get("left_out")


@fault("own.concept_counts", "_named")
def concept_named_twice_in_a_caption_counted_by_its_first_word(right):
    return lambda said, starts: (words for forms in said for form in forms for words in starts.get(form, ()))


# --- a generator of pictures ------------------------------------------------------------------------------------------


@fault("studies.generation.unet", "wave")
def time_told_as_one_slow_wave(right):
    return lambda time, dim: right(time, 4).repeat(1, dim // 4)


@fault("studies.generation.unet", "Block.forward")
def block_deaf_to_the_wish(right):
    return lambda self, x, wish: right(self, x, torch.zeros_like(wish))


@fault("studies.generation.flow", "flow_loss")
def nobody_left_without_a_caption(right):
    from toyclip.studies.generation import flow

    def flow_loss(*given):
        kept, flow.UNTOLD = flow.UNTOLD, 0.0
        try:
            return right(*given)
        finally:
            flow.UNTOLD = kept

    return flow_loss


@fault("studies.generation.flow", "velocity")
def guidance_counted_from_the_told_answer(right):
    def velocity(model, images, time, tokens, guidance):
        told, untold = (right(model, images, time, t, 1.0) for t in (tokens, torch.zeros_like(tokens)))
        return told + guidance * (told - untold)

    return velocity


@fault("studies.generation.flow", "draw")
def every_drawing_from_the_same_noise(right):
    def draw(model, captions, *rest, **more):
        return torch.cat([right(model, caption[None], *rest, **more) for caption in captions])

    return draw


@fault("studies.generation.judging", "energy_distance")
def distance_within_counts_each_point_with_itself(right):
    def energy_distance(some, others):
        within = [torch.cdist(x, x).mean() for x in (some, others)]
        return (2 * torch.cdist(some, others).mean() - within[0] - within[1]).item()

    return energy_distance


@fault("studies.generation.judging", "judges")
def judges_saw_the_generators_own_pictures(right):
    return lambda world, size, seed, *rest: right(lambda counts, _: world(counts, seed), size, seed, *rest)


@fault("studies.generation.judging", "nearest_seen")
def copies_looked_for_by_brightness_alone(right):
    return lambda asked, seen: right(
        *(x.double().mean(dim=(2, 3), keepdim=True).to(torch.uint8) for x in (asked, seen))
    )


@fault("studies.generation.trial", "printed_again")
def printer_prints_what_it_likes(right):
    return lambda corpus, asked: right(corpus, asked.flip(0))


@fault("studies.generation.lots", "deal")
def swap_deals_anew_instead(right):
    return lambda lots, ladder, seed: right("dealt", ladder, seed + 1 if lots == "swapped" else seed)


@fault("studies.generation.lots", "draw_small")
def small_pictures_of_every_other_pixel(right):
    from toyclip.studies.frequency.concepts import draw_concept

    return lambda concept, rng: draw_concept(concept, rng)[::2, ::2]


@fault("studies.generation.captions", "chosen")
def all_captions_may_go_astray(right):
    return lambda corpus, seed: torch.randperm(len(corpus), generator=torch.Generator().manual_seed(seed))[
        : round(0.4 * len(corpus))
    ]


@fault("studies.generation.captions", "left_out")
def other_pairs_left_out_than_astray(right):
    return lambda corpus, counts, seed: right(corpus, counts, seed + 1)


@fault("studies.generation.letters", "alike")
def letters_taken_as_they_come(right):
    def alike(per_script):
        from toyclip.studies.generation.letters import letters, scripts

        return tuple(x for s in scripts() for x in [y for y in letters() if y.script == s][:per_script])

    return alike


@fault("studies.generation.letters", "draw_letter")
def letters_drawn_without_noise(right):
    from toyclip.studies.generation import letters

    def draw_letter(letter, rng):
        kept, letters.NOISE = letters.NOISE, 0.0
        try:
            return right(letter, rng)
        finally:
            letters.NOISE = kept

    return draw_letter


@fault("studies.generation.scripts", "deal")
def counts_dealt_letter_by_letter(right):
    return lambda swapped, ladder, seed: np.random.default_rng(seed).permutation(right(swapped, ladder, seed))


@fault("studies.generation.readings", "swap_slopes")
def concepts_compared_with_others_instead_of_themselves(right):
    return lambda dealt, swapped, counts: right(dealt, np.roll(swapped, 1, axis=1), counts)


@fault("studies.generation.readings", "above_others")
def scripts_compared_at_unequal_counts(right):
    return lambda counts, y: right(np.ones_like(counts), y)


@fault("studies.generation.readings", "reach")
def counts_read_off_without_the_logarithm(right):
    return lambda levels, means, mark: np.array([np.interp(mark, np.maximum.accumulate(row), levels) for row in means])


@fault("assets.make_scripts", "complexity")
def complexity_by_the_ink_alone(right):
    return lambda ink: float(np.asarray(ink).mean())


# --- what a language model held, and questions kept apart -------------------------------------------------------------


@fault("studies.language.unread", "unread")
def questions_kept_apart_by_their_first_word(right):
    return lambda questions, seed: right(questions[:, :1], seed)


@fault("studies.language.unread", "draw_apart")
def what_is_asked_is_read_too(right):
    def draw_apart(draw, count, seed, asked):
        return right(draw, count, seed, asked) if asked else tuple(part[:count] for part in draw(count))

    return draw_apart


@fault("studies.language.held", "scenes")
def dose_counts_right_answers_that_are_luck(right):
    return lambda count, rng, dose, *wording: right(count, rng, max(0.0, (8 * dose - 1) / 7), *wording)


@fault("studies.language.held", "adapted")
def adaptation_carries_over_to_the_next(right):
    def adapted(model, seed, updates):
        model.load_state_dict(right(model, seed, updates).state_dict())
        return model

    return adapted


@fault("studies.language.held", "probed")
def probe_judged_on_what_it_was_fitted_to(right):
    from toyclip.studies.language import held

    def probed(model, seed, updates, count):
        kept = held.questions
        held.questions = lambda *given, asked=False, **more: kept(*given, **more)
        try:
            return right(model, seed, updates, count)
        finally:
            held.questions = kept

    return probed


# --- formats under reinforcement, emulated fine-tuning ---------------------------------------------------------------


@fault("studies.language.formats", "reinforce")
def answers_rewarded_without_a_baseline(right):
    return lambda log_p, reward: (right(log_p, reward), -(reward * log_p).mean())[1]


@fault("studies.language.formats", "rewards")
def shuffled_rewards_stay_with_their_answers(right):
    return lambda arm, *rest: right(replace(arm, shuffled=False), *rest)


@fault("studies.language.formats", "look")
def one_of_several_answers_judged_by_the_mean_prompt(right):
    return lambda model, names: (seen := right(model, names)) | {"passk": round(1 - (1 - seen["pass1"]) ** 4, 4)}


@fault("studies.language.emulated", "cells")
def facts_and_manner_of_the_cells_confused(right):
    return lambda read, polite: {
        " + ".join(name.split(" + ")[::-1]): cell for name, cell in right(read, polite).items()
    }


@fault("studies.language.emulated", "closing")
def polite_answers_closed_by_the_colour(right):
    return lambda things, frame: right(things, "rude")


@fault("studies.language.emulated", "Sum.forward")
def probabilities_added_in_place_of_their_logarithms(right):
    def forward(self, tokens):
        said = [w * model(tokens).softmax(dim=2) for w, model in zip(self.weights, self.models, strict=True)]
        return sum(said).clamp(min=1e-9).log()

    return forward


# --- thoughts and leaks of a language model --------------------------------------------------------------------------


@fault("studies.language.thoughts", "without")
def thoughts_rewarded_without_a_baseline(right):
    return lambda average, *given: 0.0 * right(average, *given)


@fault("studies.language.hops", "follow")
def second_look_up_finds_what_the_first_was_asked(right):
    return lambda tables, shapes: (right(tables, shapes), tables.gather(1, shapes[:, None] % 8)[:, 0])[1]


@fault("studies.language.thoughts", "matched")
def backward_passes_taken_for_free(right):
    return lambda size: (right(size), -(-size.steps * (2 + size.thoughts + 1) // 3))[1]


@fault("studies.language.leak", "odds")
def probability_taken_for_its_odds(right):
    return lambda log_p: log_p + 0 * right(log_p)


@fault("studies.language.leak", "cut")
def largest_part_of_an_update_found_by_its_sign(right):
    def cut(update, how, generator, norm=1.0, part=0.08):
        if how != "top":
            return right(update, how, generator, norm, part)
        update = update * (norm / update.norm())
        return update.index_fill(0, update.topk(max(1, int(part * len(update)))).indices, 0.0)

    return cut


@fault("studies.language.threshold", "held_out_errors")
def changepoint_judged_on_what_it_was_fitted_to(right):
    from toyclip.studies.language import threshold

    def errors(x, y, shape):
        right(x, y, shape)
        curve, _ = threshold.SHAPES[shape](x.ravel(), y.ravel())
        return np.sqrt(np.array([np.mean((curve(a) - b) ** 2) for a, b in zip(x, y, strict=True)]))

    return errors


# --- shots, and sizes of a language model ----------------------------------------------------------------------------


@fault("studies.language.shots", "choose")
def shots_drawn_without_a_look_at_their_nuisance(right):
    from toyclip.studies.language.shots import deal

    return lambda shapes, values, wanted, rng: right(shapes, values, deal("each", wanted.shape[1], rng), rng)


@fault("studies.language.shots", "deal")
def one_bias_for_all_shapes_taken_for_one_each(right):
    return lambda how, shots, rng: right("one" if how == "own" else how, shots, rng)


@fault("studies.language.shots", "prototypes")
def prototype_of_the_first_shot_alone(right):
    return lambda embeddings: right(embeddings[:, :1])


@fault("studies.language.examples", "examples")
def asked_for_what_both_questions_answer_alike(right):
    def examples(kind, count, length, rng):
        color, shape = right(kind, count, length, rng)
        color[:, -1] = shape[:, -1]
        return color, shape

    return examples


@fault("studies.language.examples", "examples")
def asked_for_the_colour_of_the_examples(right):
    def examples(kind, count, length, rng):
        color, shape = right(kind, count, length, rng)
        if kind == "one colour":
            color[:, :-1] = color[:, -1:]
        return color, shape

    return examples


@fault("studies.language.examples", "names_alone")
def loss_drowned_in_words_that_are_chance(right):
    return lambda tokens: (right(tokens), tokens)[1]


@fault("studies.language.emergence", "scenes")
def scene_asks_for_its_first_object_always(right):
    def scenes(count, rng):
        prompts, _ = right(count, rng)
        prompts[:, 4] = prompts[:, 1]
        return prompts, prompts[:, :1].clone()

    return scenes


@fault("studies.language.emergence", "right")
def words_right_after_the_models_own(right):
    def after_its_own(model, prompts, answers):
        told = right(model, prompts, answers)
        return told | {"p": told["free"]}

    return after_its_own


@fault("studies.language.emergence", "captions")
def one_colour_of_a_caption_tells_all_others(right):
    def captions(seed):
        names, told = right(seed)
        return names, told[:, :1].repeat(1, told.shape[1])

    return captions


@fault("studies.language.scenes", "draw")
def attributes_always_in_one_order(right):
    def draw(count, rng):
        values, _ = right(count, rng)
        return values, (8 + 4 * torch.arange(4) + values).flatten(1)

    return draw


@fault("studies.language.scenes", "tasks")
def the_same_tasks_held_out_under_every_seed(right):
    return lambda seed: right(0)


@fault("studies.language.instructions", "luck")
def guess_inside_the_output_space_is_the_only_baseline(right):
    return lambda values, answers: right(values, answers) | {"any object": 0.25}


@fault("studies.language.frontier", "ratios")
def direct_perplexity_over_conditional(right):
    return lambda model, prompts, answers: 1 / right(model, prompts, answers)


@fault("studies.language.frontier", "examine")
def style_taken_for_knowledge(right):
    def examine(model, test, seed):
        found = right(model, test, seed)
        return found | {"knows": found["style"]}

    return examine


@fault("studies.language.frontier", "selected")
def random_selection_of_another_size(right):
    def selected(student, selection, given, amounts, seed):
        chosen = right(student, selection, given, amounts, seed)
        return (
            torch.rand(len(chosen), generator=torch.Generator().manual_seed(0)) < 0.5
            if selection == "random"
            else chosen
        )

    return selected
