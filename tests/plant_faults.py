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
TESTS = ("data", "encoders", "infonce", "zero_shot", "train", "geometry", "pictures", "checks", "checkpoint", "study",
         "cli")  # fmt: skip


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
    Fault("floor draws a pair as its own twin", "infonce", "total - 1, count - 1, batch_size - 1",
          "total, count, batch_size - 1"),
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
    Fault("learning rate held", "train", "            if not recipe.one_cycle:\n                schedule.step()\n", ""),
    Fault("gradients of old batches kept", "train", "                optimizer.zero_grad()\n", ""),
    Fault("loss not a number, and on it goes", "train", "if not loss.isfinite():", "if False:"),
    Fault("orientation of the camera ignored", "pictures", "ImageOps.exif_transpose(file)", "file"),
    Fault("half-written file in its place", "checkpoint",
          "        write(Path(beside))\n        os.chmod(beside, 0o644)\n        os.replace(beside, path)\n",
          "        write(path)\n"),
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
