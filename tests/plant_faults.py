"""Plants faults in a copy of the package, one at a time, and reports which test catches each.

    python tests/plant_faults.py [--list] [PART_OF_A_NAME ...]

A fault is a snippet of the source and what it is replaced by. The tests of the faulty module run first, then all other
unit tests of the package, until one fails. Tests that compare stored results with the fingerprint of the code are left
out: they would notice any change. Ends with exit code 1 if a fault survives, or if the tests fail without one.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
TESTS = ("data", "encoders", "infonce", "zero_shot", "muon", "train", "geometry", "pictures", "concepts", "checks",
         "checkpoint", "study", "rungs", "speedrun", "ablations", "batches", "scale", "style", "cli",
         "frequency", "interventions", "trend", "tagger", "grid", "composition", "models", "priming", "resume",
         "plan", "readings")  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """One snippet of a module, replaced by a wrong one."""

    name: str
    module: str
    old: str  # occurs once in the module
    new: str

    @property
    def file(self) -> str:
        """Path of the module from the root of the repository."""
        return f"toyclip/{self.module}.py"

    def plant(self, root: Path) -> None:
        """Replace the snippet in the copy of the tree at `root`."""
        path = root / self.file
        source = path.read_text(encoding="utf-8")
        if source.count(self.old) != 1:
            raise ValueError(f"{self.name}: expected once in {self.file}, found {source.count(self.old)} times")
        path.write_text(source.replace(self.old, self.new), encoding="utf-8")


FAULTS = [
    Fault(
        "one direction of the loss dropped", "infonce",
        "return (F.cross_entropy(logits, pair) + F.cross_entropy(logits.T, pair)) / 2",
        "return F.cross_entropy(logits, pair)",
    ),
    Fault(
        "labels shifted by one", "infonce",
        "pair = torch.arange(len(logits), device=logits.device)  # (B,)",
        "pair = torch.arange(len(logits), device=logits.device).roll(1)  # (B,)",
    ),
    Fault(
        "duplicates not masked", "infonce",
        "logits = logits.masked_fill(twins, -torch.inf)",
        "logits = logits",
    ),
    Fault("pairs masked out with their duplicates", "infonce", "same_caption & (pair[:, None] != pair)",
          "same_caption"),
    Fault("floor off by one twin", "infonce", "np.log1p(twins)", "np.log(np.maximum(twins, 1))"),
    Fault("floor draws a pair as its own twin", "infonce", "total - 1, different[:, None] - 1, batch_size - 1",
          "total, different[:, None], batch_size - 1"),
    Fault("floor counts equally frequent captions once", "infonce", "(times * different) @", "different @"),
    Fault("floor of the last batch forgotten", "infonce", " + [(rest, rest)] * (rest > 0)", ""),
    Fault("pictures not normalised", "encoders", "F.normalize(self.image_encoder(images), dim=-1)",
          "self.image_encoder(images)"),
    Fault("captions not normalised", "encoders", "F.normalize(self.text_encoder(tokens), dim=-1)",
          "self.text_encoder(tokens)"),
    Fault("scale exponentiated twice", "encoders", "math.log(100)).exp()", "math.log(100)).exp().exp()"),
    Fault("clamp missing", "encoders", "self.log_logit_scale.clamp(0, math.log(100)).exp()",
          "self.log_logit_scale.exp()"),
    Fault("temperature frozen", "encoders", "nn.Parameter(torch.tensor(math.log(1 / 0.07)))",
          "nn.Parameter(torch.tensor(math.log(1 / 0.07)), requires_grad=False)"),
    Fault("padding not masked", "encoders", "(self.tokens(tokens) + self.positions) * real",
          "(self.tokens(tokens) + self.positions)"),
    Fault("mean over padding too", "encoders", "x.sum(dim=1) / real.sum(dim=1)", "x.mean(dim=1)"),
    Fault("seed of the weights ignored", "encoders", "torch.manual_seed(seed)", "torch.manual_seed(0)"),
    Fault("seed of the pictures ignored", "data", "np.random.default_rng(seed)", "np.random.default_rng(0)"),
    Fault("seed of the split ignored", "data", "torch.Generator().manual_seed(seed)",
          "torch.Generator().manual_seed(0)"),
    Fault("seed of the order ignored", "train", "torch.Generator().manual_seed(seed)",
          "torch.Generator().manual_seed(0)"),
    Fault("held-out pictures in training, by the split", "data", "sides[0].append(members[cut:])",
          "sides[0].append(members)"),
    Fault(
        "held-out pictures in training, by the trainer", "train",
        "    tokenizer = Tokenizer()\n    tokens = ",
        "    training = type(training)(torch.cat([training.images, held_out.images]),\n"
        "                              torch.cat([training.classes, held_out.classes]))\n"
        "    tokenizer = Tokenizer()\n    tokens = ",
    ),
    Fault("colours swapped in the captions", "data", "return template.format(color=color, shape=shape)",
          "return template.format(color=COLORS[COLORS.index(color) - 1], shape=shape)"),
    Fault("colours swapped in the pictures", "data", "rendering.hue[COLORS.index(color)]",
          "rendering.hue[COLORS.index(color) - 1]"),
    Fault("no variation of size, shade or background", "data", "rng.uniform(low, high)", "(low + high) / 2"),
    Fault("no variation of place", "data", "x, y = rng.uniform(margin, rendering.size - margin, size=2)",
          "x = y = rendering.size / 2"),
    Fault("no rotation", "data", "(-turn, turn)", "(0, 0)"),
    Fault("no jitter of the hue", "data", "rendering.hue[COLORS.index(color)],",
          "(sum(rendering.hue[COLORS.index(color)]) / 2,) * 2,"),
    Fault("no noise", "data", "rng.normal(0, 255 * rendering.noise, pixels.shape)",
          "rng.normal(0, 0, pixels.shape)"),
    Fault("template lost", "zero_shot", "caption(color, shape, template) for template in templates",
          'caption(color, shape, "{color} {shape}") for template in templates'),
    Fault("argmin for argmax", "zero_shot", ".argmax(dim=1)", ".argmin(dim=1)"),
    Fault("ensemble not normalised again", "zero_shot", "F.normalize(torch.stack(means), dim=-1)",
          "torch.stack(means)"),
    Fault("ties count as found", "zero_shot", "~(similarity < best)", "(similarity > best)"),
    Fault("strides in another order", "encoders", "(2, 2, 2, 1) if strided", "(2, 2, 1, 2) if strided"),
    Fault("learning rate held", "train",
          "                for schedule in schedules:\n                    schedule.step()\n", ""),
    Fault("learning rate of Muon held", "train", "for optimizer in chosen]", "for optimizer in chosen[:1]]"),
    Fault("cycle turns halfway", "train", "up = steps / 4", "up = steps / 2"),
    Fault("last step of the cycle taken with nothing", "train", "(steps - step) / (steps - up)",
          "(steps - 1 - step) / (steps - 1 - up)"),
    Fault("gradients of old batches kept", "train", "                    model.zero_grad()\n", ""),
    Fault("gradient of the filters not clipped", "train", "clip_grad_norm_(model.parameters(), recipe.grad_clip)",
          'clip_grad_norm_(chosen[0].param_groups[0]["params"], recipe.grad_clip)'),
    Fault("Muon for every matrix", "train", "[p for p in weights if p.ndim == 4]",
          "[p for p in weights if p.ndim >= 2]"),
    Fault("Muon for the biases", "train", "filters = [p for p in weights if p.ndim == 4]",
          "filters = [p for p in model.image_encoder.convs.parameters() if p.requires_grad]"),
    Fault("filters moved by both optimizers", "train", "[p for p in weights if p.ndim != 4 or not filters]", "weights"),
    Fault("frozen weights handed to an optimizer", "train", " if p.requires_grad]", "]"),
    Fault("evaluation on the clock", "train", "            outside += time.perf_counter() - pause\n", ""),
    Fault("only the steps on the clock", "train", "    with one_thread():\n        for number",
          "    start = time.perf_counter()\n    with one_thread():\n        for number"),
    Fault("running gradient forgotten", "muon", 'running.mul_(group["momentum"])', "running.mul_(0)"),
    Fault("Nesterov's look ahead left out", "muon", 'ahead = p.grad.add(running, alpha=group["momentum"])',
          "ahead = running"),
    Fault("one running gradient for all weights of a shape", "muon", 'self.state[p].setdefault("running"',
          'self.state[group["params"][0]].setdefault(p.shape'),
    Fault("tall matrix not transposed back", "muon", "return x if x.shape == matrix.shape else x.T",
          "return x.reshape(matrix.shape)"),
    Fault("matrix not brought to length 1", "muon", "x = matrix / (matrix.norm() + 1e-7)", "x = matrix"),
    Fault("coefficient of the quintic misread", "muon", "-4.7750", "-4.7570"),
    Fault("length of the inputs, not of the outputs", "muon", "len(p) ** 0.5", "p[0].numel() ** 0.5"),
    Fault("length never given", "muon", 'if group["fixed_length"]:', "if False:"),
    Fault("weight decay under Muon", "muon", "                p.add_(orthogonalise(",
          '                p.mul_(1 - 0.05 * group["lr"])\n                p.add_(orthogonalise('),
    Fault("weights climb", "muon", 'alpha=-group["lr"]', 'alpha=group["lr"]'),
    Fault("emoji never at the far edges", "concepts", "SIZE - width, size=2, endpoint=True", "SIZE - width, size=2"),
    Fault("emoji on the diagonal", "concepts", "x, y = rng.integers(0, SIZE - width, size=2, endpoint=True)",
          "x = y = rng.integers(0, SIZE - width, endpoint=True)"),
    Fault("emoji beyond the edge", "concepts", "rng.integers(0, SIZE - width,", "rng.integers(-2, SIZE - width + 2,"),
    Fault("emoji without noise", "concepts", "rng.normal(0, 255 * NOISE, pixels.shape)", "0"),
    Fault("emoji with the same noise in all channels", "concepts", "NOISE, pixels.shape)", "NOISE, (SIZE, SIZE, 1))"),
    Fault("emoji turned one way only", "concepts", "(EXTENT[0], -ROTATION, BACKGROUND[0])",
          "(EXTENT[0], 0, BACKGROUND[0])"),
    Fault("emoji on black", "concepts", "(round(255 * grey),) * 3", "(0,) * 3"),
    Fault("classes of the emoji shuffled", "concepts", "torch.arange(len(concepts)).repeat_interleave",
          "torch.arange(len(concepts)).flip(0).repeat_interleave"),
    Fault("seed of the choice ignored", "concepts", "default_rng(seed).permutation", "default_rng(0).permutation"),
    Fault("choice depends on its length", "concepts", "permutation(len(everything))[:count]",
          "choice(len(everything), count, replace=False)"),
    Fault("negative number of pictures", "concepts", " or min(counts, default=0) < 0", ""),
    Fault("emoji named by the last word alone", "concepts", "c.name.lower().split())", "c.name.lower().split()[-1:])"),
    Fault("loss not a number, and on it goes", "train", "if not loss.isfinite():", "if False:"),
    Fault("orientation of the camera ignored", "pictures", "ImageOps.exif_transpose(file)", "file"),
    Fault("half-written file in its place", "checkpoint",
          "        write(Path(beside))\n        os.chmod(beside, 0o644)\n        os.replace(beside, path)\n",
          "        write(path)\n"),
    Fault("columns left out of the chunked loss", "scale",
          "return ((rows + columns) / 2 - answers).mean()",
          "return (rows - answers).mean()"),
    Fault("columns left out of the chunked gradient", "scale",
          "surplus += logits.sub_(columns).exp_()", "surplus *= 2"),
    Fault("running sum not rescaled", "scale",
          "            total *= (old - top).exp()  # (B,) the sum so far, in units of the new maximum\n",
          ""),
    Fault("maximum of a column not followed", "scale",
          "old, top = top, torch.maximum(top, logits.amax(dim=0))",
          "old, top = top, top.clamp(min=0)"),
    Fault("maximum of a row not taken off", "scale",
          "highest = logits.amax(dim=1, keepdim=True)",
          "highest = logits.new_zeros(len(logits), 1)"),
    Fault("last chunk left out when it is uneven", "scale",
          "for start in range(0, len(images), chunk):",
          "for start in range(0, max(len(images) - chunk, 0) + 1, chunk):"),
    Fault("every chunk has the first one's answers", "scale",
          "answers[part] = logits.diagonal(part.start)",
          "answers[part] = logits.diagonal()"),
    Fault("every chunk pulls at the first one's answers", "scale",
          "surplus.diagonal(part.start).sub_(2)",
          "surplus.diagonal().sub_(2)"),
    Fault("identity left out of the chunked gradient", "scale",
          "            surplus.diagonal(part.start).sub_(2)  # minus the answers\n",
          ""),
    Fault("gradient of the scale forgotten", "scale",
          "to_scale = share * (images * to_images).sum()",
          "to_scale = torch.zeros_like(logit_scale)"),
    Fault("captions' gradient of the last chunk alone", "scale",
          "to_texts.addmm_(surplus.T, images[part])",
          "torch.mm(surplus.T, images[part], out=to_texts)"),
    Fault("gradient from above ignored", "scale",
          "share = grad / (2 * len(images))",
          "share = 1 / (2 * len(images))"),
    Fault("buffers as large as the square", "scale",
          "images.new_empty(2, min(chunk, len(images)), len(images))",
          "images.new_empty(2, len(images), len(images))"),
    Fault("gradients of a chunk replace those before", "scale",
          "        torch.autograd.backward(_embed(model, *part), tuple(gradients))\n",
          "        model.zero_grad()\n        torch.autograd.backward(_embed(model, *part), tuple(gradients))\n"),
    Fault("gradients of an earlier step thrown away", "scale",
          "    parts = list(zip(images.split(chunk)",
          "    model.zero_grad()\n    parts = list(zip(images.split(chunk)"),
    Fault("pictures get the captions' gradients", "scale",
          "tuple(gradients))",
          "tuple(gradients.flip(0)))"),
    Fault("clamp of the scale passed by", "scale",
          "loss = chunked_info_nce(*embeddings.requires_grad_(), model.logit_scale, chunk)",
          "loss = chunked_info_nce(*embeddings.requires_grad_(), model.log_logit_scale.exp(), chunk)"),
    Fault("bytes taken for floats", "scale",
          ".div_(255)",
          ""),
    Fault("pictures not on the bill", "scale",
          "        start = time.perf_counter()\n", "        start, idle = time.perf_counter(), _peak_mb()\n"),
    Fault("memory of the parent process counted", "scale",
          'if sys.platform == "linux":',
          "if False:"),
    Fault("a graph for the first pass", "scale",
          "with torch.no_grad():",
          "with torch.enable_grad():"),
    Fault("gradient of the pictures counted", "speedrun", "(3 * sum(counts) - counts[0])", "(3 * sum(counts))"),
    Fault("multiply-add counted as one operation", "speedrun", "2.0 * seen", "1.0 * seen"),
    Fault("rung's strides not counted", "speedrun", "    rung.prepare(model)\n    counts", "    counts"),
    Fault("first product counted", "speedrun", "median(seconds[1:])", "median(seconds)"),
    Fault("second thread never asked", "speedrun", "torch.set_num_threads(threads)", "torch.set_num_threads(1)"),
    Fault("evaluation in the seconds of a run", "speedrun", "- start - evaluation", "- start"),
    Fault("first weights not in the seconds of a run", "speedrun",
          "    start = time.perf_counter()\n    model = ToyCLIP(strided=rung.recipe.strided, seed=seed)\n    history",
          "    model = ToyCLIP(strided=rung.recipe.strided, seed=seed)\n    start = time.perf_counter()\n    history"),
    Fault("loss of a rung forgotten", "speedrun", ", loss_of=rung.prepare(model))", ")"),
    Fault("fast goes first", "speedrun", "in contest.items():", "in reversed(contest.items()):"),
    Fault("one world for all pairs", "speedrun", "world(seed)\n        drawing", "world(0)\n        drawing"),
    Fault("ratio of the medians", "speedrun", '"ratio_median": median(ratios)',
          '"ratio_median": median(columns["seconds"]["reference"]) / median(columns["seconds"]["fast"])'),
    Fault("rungs compared with one epoch", "speedrun", "RUNGS[0].recipe.epochs * timed(", "timed("),
    Fault("twins not left out", "rungs", "info_nce(model(images, tokens), same(tokens))",
          "info_nce(model(images, tokens))"),
    Fault("mirrored upside down", "rungs", "images.flip(3)", "images.flip(2)"),
    Fault("every batch mirrored but the first", "rungs", "if next(number) % 2 else", "if next(number) else"),
    Fault("one batch too many is small", "rungs", "next(number) < 85", "next(number) <= 85"),
    Fault("batches counted across models", "rungs", "    number = itertools.count()  # of the batch\n",
          "    number = mirror.__dict__.setdefault('number', itertools.count())\n"),
    Fault("mean instead of the maximum", "rungs", ".amax(dim=(2, 3))", ".mean(dim=(2, 3))"),
    Fault("maximum for every model", "rungs", "encoder.forward = lambda images:",
          "type(encoder).forward = lambda self, images:"),
    Fault("bfloat16 switched off", "rungs", "dtype=torch.bfloat16)", "dtype=torch.bfloat16, enabled=False)"),
    Fault("strides one layer late", "rungs", "zip(model.image_encoder.convs, strides, strict=True)",
          "zip(model.image_encoder.convs, strides[-1:] + strides[:-1], strict=True)"),
    Fault("rung changes more than it says", "rungs", 'Rung("Muon for the filters", replace(FAST, epochs=10))',
          'Rung("Muon for the filters", replace(FAST, epochs=10, lr=2e-3))'),
    Fault("compiling without a compiler", "rungs", "if not any(map(", "if not all(map("),
    Fault("captions ask what pictures ask", "ablations", "F.cross_entropy(logits.T, ", "F.cross_entropy(logits, "),
    Fault("scale clamped all the same", "ablations", "model.log_logit_scale.exp() *", "model.logit_scale *"),
    Fault("normalised all the same", "ablations", "model.image_encoder(images) @", "model.embed_images(images) @"),
    Fault("sigmoid without its bias", "ablations", "+ model.logit_bias  # (B, B)\n    answers",
          "# (B, B)\n    answers"),
    Fault("sigmoid averaged over all pairs", "ablations", "-F.logsigmoid(answers * logits).sum() / len(logits)",
          "-F.logsigmoid(answers * logits).mean()"),
    Fault("sigmoid says no to twins", "ablations", "same(tokens).float()", "torch.eye(len(logits))"),
    Fault("shapes tested on training pictures", "ablations", "draw_pairs(30, seed + TEST_SEED)",
          "draw_pairs(30, seed)"),
    Fault("emoji tested on training pictures", "ablations", "[4] * 256, seed + TEST_SEED)", "[4] * 256, seed)"),
    Fault("one choice of emoji for all seeds", "ablations", "choose(256, seed)", "choose(256, 0)"),
    Fault("fixed scale learned", "ablations", "requires_grad_(not fixed)", "requires_grad_(True)"),
    Fault("scale taken for its logarithm", "ablations", "fill_(math.log(scale))", "fill_(scale)"),
    Fault("bias not trained", "ablations", "nn.Parameter(torch.tensor(bias))", "torch.tensor(bias)"),
    Fault("tested although not asked", "ablations", 'world.accuracy if every_epoch else lambda model: float("nan")',
          "world.accuracy"),
    Fault("run that blew up keeps its chance", "ablations", "else [0.0] * epochs", "else [1 / 16] * epochs"),
    Fault("first pairs instead of any", "batches",
          "torch.randperm(len(world.images), generator=torch.Generator().manual_seed(seed))[:count]",
          "torch.arange(len(world.images))[:count]"),
    Fault("pairs drawn with replacement", "batches",
          "torch.randperm(len(world.images), generator=torch.Generator().manual_seed(seed))[:count]",
          "torch.randint(len(world.images), (count,), generator=torch.Generator().manual_seed(seed))"),
    Fault("captions left behind", "batches", "classes=world.classes[chosen]", "classes=world.classes[:count]"),
    Fault(
        "test on the clock", "batches",
        "    seconds = time.process_time() - start\n"
        '    return {\n        "accuracy": world.accuracy(model) if history else 0.0,',
        "    score = world.accuracy(model) if history else 0.0\n    seconds = time.process_time() - start\n"
        '    return {\n        "accuracy": score,',
    ),
    Fault("equal samples counted in batches of 64", "batches", "len(world.images) // batch_size\n",
          "len(world.images) // 64\n"),
    Fault("first updates on the clock", "batches", "for _ in range(2):", "for _ in range(1):"),
    Fault("worst learning rate", "batches", "max(RATES, key", "min(RATES, key"),
    Fault("learning rates chosen on a seed of the study", "batches", "make_world(name, TUNING_SEED)",
          "make_world(name, 0)"),
    Fault("learning rates chosen by the clock", "batches", 'if budget == "time" or loss', "if loss"),
    Fault("one learning rate for all", "batches", "rates[budget, loss, size], loss, seed)", "ADAMW.lr, loss, seed)"),
    Fault("bench of no pairs", "cli", 'typer.Option(min=1, help="How many runs', 'typer.Option(help="How many runs'),
    Fault("bench begun and then not written", "cli",
          '    if json_file:\n        checkpoint.check_writable(json_file)\n    with bar("runs")',
          '    with bar("runs")'),
    Fault("bench not written", "cli", "        checkpoint.write_json(json_file, result)\n    rows",
          "        pass\n    rows"),
    Fault("best ratio told as the median", "cli", "fast is {result['ratio_median']:.1f}",
          "fast is {max(result['ratios']):.1f}"),
    Fault("evaluation of all runs together", "cli", "sum(seconds) / pairs for", "sum(seconds) for"),
    Fault("studies of the batches forgotten", "cli", " | batches.STUDIES", ""),
    Fault("counts dealt out the same for all seeds", "frequency", "np.random.default_rng(seed).permutation(ladder)",
          "np.random.default_rng(0).permutation(ladder)"),
    Fault("counts not dealt out by chance", "frequency", "np.random.default_rng(seed).permutation(ladder)",
          "np.roll(ladder, 7 * seed)"),
    Fault("smallest remainders rounded up", "frequency", "np.argsort((counts - wanted).ravel()",
          "np.argsort((wanted - counts).ravel()"),
    Fault("turned a quarter of the way only", "frequency", "rng.uniform(0, 360)", "rng.uniform(0, 90)"),
    Fault("emoji cut off at the edge", "frequency", "rng.integers(0, SIZE - width, size=2, endpoint=True)",
          "rng.integers(0, SIZE - 14, size=2, endpoint=True)"),
    Fault("one tint for all channels", "frequency", "rng.uniform(*TINT, size=3)", "rng.uniform(*TINT, size=1)"),
    Fault("one stream through all concepts", "frequency",
          "streams = [np.random.default_rng([seed, c]) for c in range(len(concepts))]",
          "streams = [np.random.default_rng(seed)] * len(concepts)"),
    Fault("one update more", "frequency", "[:wanted]  # (M,)", "  # (M,)"),
    Fault("pairs of a run drawn with replacement", "frequency",
          "torch.cat([torch.randperm(len(corpus), generator=generator) for _ in range(rounds)])[:wanted]",
          "torch.randint(len(corpus), (wanted,), generator=generator)"),
    Fault("captions by place, not by pair", "frequency", "fit(model, order, tokens[order],",
          "fit(model, order, tokens[order.sort().values],"),
    Fault("swapping deals out anew", "interventions", "counts.min() * counts.max() // counts", "counts[::-1]"),
    Fault("copies of the picture before", "interventions", "torch.arange(size.concepts))  # (K,) each concept's first",
          "torch.arange(size.concepts)).sub(1).clamp(0)  # (K,) each concept's first"),
    Fault("words drawn, not dealt out", "interventions", "chosen[torch.randperm(len(chosen), generator=generator)]",
          "chosen[torch.randint(len(chosen), (len(chosen),), generator=generator)]"),
    Fault("kept corpus mismatched in place", "interventions", "said = corpus.said.clone()", "said = corpus.said"),
    Fault("cut off and shared out by weight of the rest", "interventions",
          "whole(np.minimum(high * counts, limit), total)",
          "whole(np.minimum(counts, limit), total)"),
    Fault("parts drawn one by one", "interventions",
          "order = torch.randperm(len(corpus), generator=torch.Generator().manual_seed(seed))",
          "order = torch.randperm(len(corpus), generator=torch.Generator().manual_seed(seed + round(99 * share)))"),
    Fault("farthest quarter dropped", "interventions", "ranked[members].argsort(stable=True)",
          "ranked[members].argsort(stable=True, descending=True)"),
    Fault("quarter of all dropped, not of each concept", "interventions",
          "order = ranked[members].argsort(stable=True)",
          "order = ranked[: len(members)].argsort(stable=True)"),
    Fault("nearest training picture, itself", "interventions",
          "nearest(pixels, base_corpus(size, seed).pictures, held_out_corpus(size, seed).pictures)",
          "nearest(pixels, base_corpus(size, seed).pictures, base_corpus(size, seed).pictures)"),
    Fault("word of the picture, not of the pair", "interventions", "captions[corpus.said], size",
          "captions[corpus.shown], size"),
    Fault("twins never masked", "interventions", 'masked=name == "twins masked"', "masked=False"),
    Fault("normal interval for Student's", "trend", "float(t.ppf(0.5 + confidence / 2, len(values) - 1))",
          "float(t.ppf(0.5 + confidence / 2, 1e9))"),
    Fault("bin holds its upper edge", "trend", "np.digitize(x, edges)", "np.digitize(x, edges, right=True)"),
    Fault("bins weighed with their concepts", "trend", "float(linregress(centres, means).rvalue)",
          "float(linregress(np.repeat(centres, _), np.repeat(means, _)).rvalue)"),
    Fault("curves judged on what they were fitted to", "trend", "x[others].ravel(), y[others].ravel()",
          "x.ravel(), y.ravel()"),
    Fault("likelihood not restricted", "trend", "reml=True", "reml=False"),
    Fault("groups by seed", "trend", "np.broadcast_to(np.arange(x.shape[1]), x.shape)",
          "np.broadcast_to(np.arange(x.shape[0])[:, None], x.shape)"),
    Fault("temperature of the tagger left out", "tagger", "(tagger.logit_scale * cosine)", "(cosine)"),
    Fault("tagger taught on the corpus", "tagger", "[pictures] * size.concepts, seed + TAGGER_SEED)",
          "[pictures] * size.concepts, seed)"),
    Fault("joint with what is shown", "tagger", '"joint": tags & said', '"joint": tags & shown'),
    Fault("hue off by a word", "grid", "(HUES[color] - HUE_JITTER, HUES[color] + HUE_JITTER)",
          "(HUES[color] - HUE_JITTER + 25, HUES[color] + HUE_JITTER + 25)"),
    Fault("square taken for a bar", "grid", '(0.85, 0.85) if shape == "square" else (1.0, 0.35)',
          '(0.85, 0.85) if shape != "square" else (1.0, 0.35)'),
    Fault("middle anywhere in the picture", "grid", "room = (LOOK.size / 2 - REACH * radius) * scale",
          "room = LOOK.size / 2 * scale"),
    Fault("rotation up to a quarter turn", "grid", "(0, 360)", "(0, 90)"),
    Fault("grid pictures and captions in another order", "grid", "for pair, n in zip(PAIRS, counts, strict=True)",
          "for pair, n in zip(sorted(PAIRS), counts, strict=True)"),
    Fault("square that is not Latin", "composition", "(rows[:, None] + columns) % SIDE",
          "(rows[:, None] * columns) % SIDE"),
    Fault("colours' shares used for the shapes", "composition", "colors[:, None] * shapes", "colors[:, None] * colors"),
    Fault("one partner too many", "composition", "(diagonal < partners)", "(diagonal <= partners)"),
    Fault("filters that saw every diagonal", "composition", "(diagonal < SIDE - 1)", "(diagonal < SIDE)"),
    Fault("filters not frozen", "composition", "filters.requires_grad_(False)", "filters"),
    Fault("filters not taken over", "composition", "learn_grid(counts, size, seed, filters)",
          "learn_grid(counts, size, seed)"),
    Fault("grid tested on its training pictures", "composition", "len(PAIRS), seed + TEST_SEED)", "len(PAIRS), seed)"),
    Fault("transformer without positions", "models", "x.flatten(2).transpose(1, 2) + self.positions",
          "x.flatten(2).transpose(1, 2) + 0 * self.positions"),
    Fault("transformer normalised after each half", "models", "norm_first=True", "norm_first=False"),
    Fault("weights of a model from no seed", "models", "        torch.manual_seed(seed)\n", ""),
    Fault("words of all concepts as answers", "models", ".masked_fill(~concepts, -torch.inf)", ""),
    Fault("control has the seed's own counts", "models", "assign(size, seed + OTHER)", "assign(size, seed)"),
    Fault("log-odds against the word itself, too", "priming", "logits[:, :-1].logsumexp", "logits.logsumexp"),
    Fault("model itself is taught", "priming", "    model = copy.deepcopy(model)\n", ""),
    Fault("length of each weight matched alone", "priming", "(norm / length).item()", "(norm / g.norm()).item()"),
    Fault("leak onto the taught concept counted", "priming", "probes.shown != probes.shown[i]",
          "probes.shown == probes.shown"),
    Fault("lines of other code kept", "resume", ' or lines[run.key]["code"] != codes[run.module]', ""),
    Fault("seed left out of the key", "resume", "return self.part, self.name, self.seed",
          "return self.part, self.name, 0"),
    Fault("lines written at the end only", "resume", "                write_whole(folder / LINES",
          "                if done == len(todo):\n                    write_whole(folder / LINES"),
    Fault("lines written in place", "resume",
          'write_whole(folder / LINES, lambda beside: beside.write_text(_text(lines), encoding="utf-8"))',
          '(folder / LINES).write_text(_text(lines), encoding="utf-8")'),
    Fault("damaged lines passed over", "resume",
          "            raise InputError(\n"
          "                f\"line {number} of {str(path)!r} is no result; remove the line, or give another folder\"\n"
          "            ) from None\n",
          "            continue\n"),
    Fault("runs go on after a failure", "resume", "pool.shutdown(wait=False, cancel_futures=True)", "pass"),
    Fault("workers outlive the main process", "resume",
          "    threading.Thread(target=watch, daemon=True).start()\n", ""),
    Fault("machine of the first line told for all", "resume", "if all(m == machines[0] for m in machines)", "if True"),
    Fault("models with every seed", "plan", "if seed < (seeds + 1) // 2:", "if seed < seeds:"),
    Fault("models with half of the seeds rounded down", "plan", "(seeds + 1) // 2", "max(seeds // 2, 1)"),
    Fault("filters of no other model", "plan", "(k, grid, seed, True)", "(k, grid, seed)"),
    Fault("results overwritten without --resume", "cli", "(out / resume.LINES).exists() and not go_on", "False"),
    Fault("one seed is a study", "cli", "min=2, help", "min=1, help"),
    Fault("seeds not passed on to the plan", "cli", "plan.plan(seeds)", "plan.plan()"),
    Fault("own count not held equal", "trend", "(values - (same @ values) / same.sum(axis=1) for values in (other, y))",
          "(values - values.mean() for values in (other, y))"),
    Fault("own counts among the others'", "trend", "for o in seeds if o != s])", "for o in seeds if o == o])"),
    Fault("rungs of another seed", "readings", "frequency.assign(frequency.FULL, seed) for",
          "frequency.assign(frequency.FULL, seed + 1) for"),
    Fault("decades hold their upper end", "readings", "(counts >= low) & (counts < high)",
          "(counts > low) & (counts <= high)"),
    Fault("first diagonal for the last", "readings", "a[d == composition.SIDE - 1]", "a[d == 0]"),
    Fault("colours and shapes exchanged", "readings",
          "counts.sum(axis=2, keepdims=True) / total, counts.sum(axis=1, keepdims=True) / total",
          "counts.sum(axis=1, keepdims=True) / total, counts.sum(axis=2, keepdims=True) / total"),
    Fault("frequent parts left out by design", "composition", "np.random.default_rng([seed, 1])",
          "np.random.default_rng(seed)"),
]  # fmt: skip


@contextmanager
def copy_of(tree: Path) -> Iterator[Path]:
    """A folder with the package and its tests, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="toyclip-fault-") as folder:
        root = Path(folder)
        for name in ("toyclip", "tests"):
            shutil.copytree(tree / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(tree / "pyproject.toml", root)
        yield root


def python(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the copy, where `import toyclip` finds the copy and not what is installed."""
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)


def run_tests(root: Path, first: str = "") -> tuple[bool, str]:
    """Run the unit tests in the copy until one fails: whether all passed, and the test that did not."""
    imported = python(root, "-c", "import toyclip; print(toyclip.__file__)").stdout.strip()
    if Path(imported).resolve() != (root / "toyclip" / "__init__.py").resolve():
        raise RuntimeError(f"the tests would import {imported}, not the copy in {root}")
    order = sorted(TESTS, key=lambda name: name != first)
    files = [f"tests/test_{name}.py" for name in order]
    done = python(root, "-m", "pytest", "-x", "-q", "--noconftest", "-p", "no:cacheprovider", "--tb=no", *files)
    failed = re.search(r"^(?:FAILED|ERROR) tests/(\S+)", done.stdout, re.MULTILINE)
    if done.returncode not in (0, 1) and not failed:
        raise RuntimeError(f"pytest ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.returncode == 0, failed.group(1) if failed else ""


def try_fault(fault: Fault, sound: Path) -> tuple[bool, str, float]:
    """Whether the tests catch a fault in a copy of a sound tree, which one does, and after how many seconds."""
    start = time.perf_counter()
    with copy_of(sound) as root:
        fault.plant(root)
        survived, test = run_tests(root, first=fault.module)
    return not survived, test, time.perf_counter() - start


def main(arguments: list[str]) -> int:
    """Try the faults whose name contains one of the arguments, or all; return the exit code."""
    wanted = [a for a in arguments if not a.startswith("--")]
    chosen = [f for f in FAULTS if not wanted or any(part in f.name for part in wanted)]
    if "--list" in arguments or not chosen:
        print("\n".join(f"{f.name:<46}{f.file}" for f in FAULTS))
        return 0 if chosen else 2
    survivors, start = 0, time.perf_counter()
    with copy_of(ROOT) as sound:  # one snapshot for all: whoever edits meanwhile does not disturb
        passed, test = run_tests(sound)
        if not passed:
            print(f"without any fault {test} fails already; mend that first")
            return 1
        print(f"{'no fault':<46}{time.perf_counter() - start:5.1f} s  all tests pass", flush=True)
        for fault in chosen:
            caught, test, seconds = try_fault(fault, sound)
            survivors += not caught
            print(f"{fault.name:<46}{seconds:5.1f} s  {'caught by ' + test if caught else 'SURVIVED'}", flush=True)
    print(f"{len(chosen) - survivors} of {len(chosen)} faults caught")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
