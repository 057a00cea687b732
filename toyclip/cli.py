"""The command line: train, classify, eval, study, bench (helper, no chapter).

What a command needs it imports itself: torch alone takes seconds, and `--help` needs nothing of it.
"""

import json
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import toyclip
from toyclip.errors import ModelFileError, RecipeError
from toyclip.files import check_writable, write_json
from toyclip.lab.study import RESULTS
from toyclip.lab.terminal import bar, end_without_output, one_line_errors, usable

if TYPE_CHECKING:
    from toyclip.train import Epoch

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)  # rich's help takes twice as long
UsageError = typer.BadParameter.__mro__[1]  # typer does not export it
LARGEST_SEED = 2**63 - 1  # of a torch.Generator
ModelFile = Annotated[Path | None, typer.Option("--model", help="A model written by train; the shipped one if none.")]


def show_version(wanted: bool) -> None:
    """Print the version and end, if that is what was asked for."""
    if wanted:
        typer.echo(f"toyclip {toyclip.__version__}")
        raise typer.Exit


@app.callback()
def top(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=show_version, is_eager=True)
    ] = False,
) -> None:
    """A CLIP small enough to hold in the head."""


@app.command()
@one_line_errors
def train(
    recipe: Annotated[str, typer.Option(help="reference (the article's) or fast.")] = "reference",
    epochs: Annotated[int | None, typer.Option(help="Instead of the recipe's own number.")] = None,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Of pictures, split, weights and order.")] = 0,
    device: Annotated[str, typer.Option(help="cpu, cuda or mps.")] = "cpu",
    out: Annotated[Path | None, typer.Option(help="Write the model here, as safetensors.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the history here.")] = None,
) -> None:
    """Draw the world, train on 2,720 pictures, test on 480."""
    from toyclip import checkpoint
    from toyclip.data import Tokenizer
    from toyclip.lab.provenance import machine
    from toyclip.recipes import RECIPES
    from toyclip.train import train as train_model

    if recipe not in RECIPES:
        raise RecipeError(f"unknown recipe {recipe!r}; choose one of {', '.join(RECIPES)}")
    chosen = RECIPES[recipe] if epochs is None else replace(RECIPES[recipe], epochs=epochs)
    usable(device)
    check_writable(*filter(None, (out, json_file)))
    with bar("epochs") as progress:
        task = progress.add_task(f"training, recipe {recipe}, seed {seed}", total=chosen.epochs)

        def report(epoch: "Epoch") -> None:
            text = f"loss {epoch.loss:.3f} (floor {epoch.floor:.3f}), accuracy {epoch.accuracy:.1%}"
            progress.update(task, advance=1, description=text)

        model, history = train_model(chosen, seed, device, on_epoch=report)
    last = history.epochs[-1]
    typer.echo(
        f"{history.parameters:,} parameters, {last.epoch} epochs in {history.seconds:.1f} s: loss {last.loss:.4f} "
        f"(floor {last.floor:.4f}), logit scale {last.logit_scale:.2f}, held-out accuracy {last.accuracy:.2%}"
    )
    if out:
        checkpoint.save(model, Tokenizer(), out)
    if json_file:
        command = shlex.join(["python", "-m", "toyclip", *sys.argv[1:]])
        write_json(json_file, history.to_dict() | {"command": command, "machine": machine()})


@app.command()
@one_line_errors
def classify(
    image: Annotated[Path, typer.Argument(help="Any picture file that Pillow reads.")],
    labels: Annotated[list[str], typer.Argument(help="Captions to choose from, such as 'a red circle'.")],
    model_file: ModelFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list and nothing else.")] = False,
) -> None:
    """Rank captions by how well they fit a picture."""
    from toyclip import checkpoint
    from toyclip.pictures import load_picture
    from toyclip.zero_shot import classifier, similarities

    model, tokenizer = checkpoint.load(model_file or checkpoint.PRETRAINED)
    weights = classifier(model, [[label] for label in labels], tokenizer)  # (C, D)
    cosine = similarities(model, load_picture(image)[None], weights)[0]  # (C,)
    probability = (model.logit_scale.detach() * cosine).softmax(dim=0)  # (C,)
    if not probability.isfinite().all():
        raise ModelFileError("the model's answers to this picture are not finite; train it again")
    ranking = [
        {"label": labels[i], "cosine": cosine[i].item(), "probability": probability[i].item()}
        for i in cosine.argsort(descending=True, stable=True).tolist()
    ]
    if as_json:
        typer.echo(json.dumps(ranking, ensure_ascii=False, allow_nan=False))
    else:
        width = max(map(len, labels))
        for row in ranking:
            typer.echo(f"{row['label']:{width}}  cosine {row['cosine']:+.3f}  probability {row['probability']:.1%}")


@app.command("eval")
@one_line_errors
def evaluate(
    model_file: ModelFile = None,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Of the test pictures.")] = 1_000_000,
) -> None:
    """Test a model on fresh pictures and on emoji.

    The pictures are 480, drawn for the purpose; the emoji are the ten that the captions of this world can name.
    """
    from toyclip import checkpoint
    from toyclip.data import CLASSES, draw_pairs
    from toyclip.metrics import interval
    from toyclip.pictures import world_emoji
    from toyclip.zero_shot import accuracy

    model, tokenizer = checkpoint.load(model_file or checkpoint.PRETRAINED)
    fresh = draw_pairs(per_class=480 // len(CLASSES), seed=seed)
    for name, pairs in (("fresh pictures", fresh), ("emoji", world_emoji())):
        share = accuracy(model, pairs, tokenizer)
        low, high = interval(round(share * len(pairs)), len(pairs))
        typer.echo(f"{name}: {share:.1%} of {len(pairs)} right (95 % interval {low:.1%} to {high:.1%})")


@app.command("study")
@one_line_errors
def run_study(
    names: Annotated[list[str] | None, typer.Argument(help="Which; without any, all are listed.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    only_stale: Annotated[bool, typer.Option("--stale", help="Those without a result that holds.")] = False,
    out: Annotated[Path, typer.Option(help="Folder for results; the package's if none.", show_default=False)] = RESULTS,
    seeds: Annotated[int | None, typer.Option(min=1, help="Instead of the study's own number.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes at a time; as many as processors.")] = None,
    scheduler: Annotated[str | None, typer.Option(help="Address of a Dask cluster that does the runs.")] = None,
    device: Annotated[str, typer.Option(help="Where to train: cpu or cuda; the frequency studies can choose.")] = "cpu",
) -> None:
    """Run the book's studies, or list them.

    Each finished run is kept at once: stopped at any moment, the same command goes on where it was.
    """
    from toyclip.lab import command
    from toyclip.studies import all_studies

    where = device if device == "cpu" else usable(device)
    command.study(all_studies(), names or [], every, only_stale, out, seeds, workers, scheduler, where)


@app.command("bench")
@one_line_errors
def run_bench(pairs: Annotated[int, typer.Option(min=1, help="Runs of each recipe, in turn.")] = 5) -> None:
    """Time the fast recipe against the reference.

    Each run is timed from fresh weights to the end of training.
    """
    from statistics import mean, median

    from toyclip.lab.provenance import machine
    from toyclip.studies.speedrun import bench

    results = []
    with bar("pairs") as progress:
        for seed in progress.track(range(pairs), description="bench"):
            results.append(bench.bench(seed))
    typer.echo("seed  reference       fast  ratio  accuracy: reference, fast")
    for seed, result in enumerate(results):
        slow, quick = result["reference"], result["fast"]
        scores = ", ".join(f"{run['accuracy'][-1]:.2%}" for run in (slow, quick))
        typer.echo(f"{seed:4}  {slow['seconds']:7.1f} s  {quick['seconds']:7.2f} s  {result['ratio']:5.1f}  {scores}")
    ratios = [result["ratio"] for result in results]
    typer.echo(
        f"fast is {median(ratios):.1f} times as fast (median; {min(ratios):.1f} to {max(ratios):.1f}, {pairs} pairs)"
    )
    slow, quick = (mean(result[name]["evaluation"] for result in results) for name in ("reference", "fast"))
    typer.echo(
        f"not in these times: drawing, {mean(result['drawing'] for result in results):.1f} s a world; "
        f"evaluating, all epochs of a run, {slow:.2f} s (reference), {quick:.2f} s (fast)"
    )
    about = machine()
    typer.echo(f"{about['processor']}, 1 thread of {about['cores']}; torch {about['torch']}")


def main() -> None:
    """Entry point of `toyclip` and of `python -m toyclip`: wrong usage, too, is one line and exit code 2."""
    name = "toyclip" if Path(sys.argv[0]).name == "toyclip" else "python -m toyclip"
    if len(sys.argv) == 1:
        sys.argv.append("--help")
    try:
        sys.exit(app(prog_name=name, standalone_mode=False))
    except UsageError as error:
        command = error.ctx.command_path if error.ctx else name
        typer.echo(f"toyclip: {error.format_message()} See '{command} --help'.", err=True)
        sys.exit(2)
    except OSError as error:
        end_without_output(error)
