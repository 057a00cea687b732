"""The commands for the model: train, classify, eval (helper, no chapter)."""

import json
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toyclip.errors import ModelFileError
from toyclip.files import check_writable, write_json
from toyclip.lab.terminal import bar, one_line_errors, usable

if TYPE_CHECKING:
    from toyclip.train import Epoch

LARGEST_SEED = 2**63 - 1  # of a torch.Generator
ModelFile = Annotated[
    Path | None,
    typer.Option(
        "--model", help="Written by train, or a CLIP of Hugging Face, folder or name; the shipped one if none."
    ),
]


@one_line_errors
def train(
    recipe: Annotated[str, typer.Option(help="reference (the article's) or fast.")] = "reference",
    epochs: Annotated[int | None, typer.Option(help="Instead of the recipe's own number.")] = None,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Of pictures, split, weights and order.")] = 0,
    device: Annotated[str, typer.Option(help="cpu, cuda or mps.")] = "cpu",
    out: Annotated[Path | None, typer.Option(help="Write the model here, as safetensors.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the history here.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Of all processes together, instead of the recipe's.")] = None,
    shards: Annotated[str | None, typer.Option(help="Tar files instead of the world: folder, pattern, range.")] = None,
    workers: Annotated[int, typer.Option(help="Processes that read shards, for each that trains.")] = 0,
    checkpoint_file: Annotated[
        Path | None, typer.Option("--checkpoint", help="Go on from this file if it is there, and keep it up to date.")
    ] = None,
    every: Annotated[
        int | None, typer.Option(help="Steps between two checkpoints, 50 if none; also written after an epoch.")
    ] = None,
    chunk: Annotated[int | None, typer.Option(help="Pairs whose activations are held at a time, in a process.")] = None,
) -> None:
    """Draw the world, train on 2,720 pictures, test on 480. Under torchrun, in several processes."""
    from toyclip import checkpoint
    from toyclip.commands.large import Wanted, chosen_recipe, train_large
    from toyclip.data import Tokenizer
    from toyclip.lab.provenance import machine
    from toyclip.large.processes import under_torchrun
    from toyclip.train import train as train_model

    if shards or workers or checkpoint_file or chunk is not None or every is not None or under_torchrun():
        asked = recipe, epochs, batch_size, seed, device, out, json_file, shards, workers, checkpoint_file, every, chunk
        train_large(Wanted(*asked))
        return
    chosen = chosen_recipe(recipe, epochs, batch_size)
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


@one_line_errors
def classify(
    image: Annotated[Path, typer.Argument(help="Any picture file that Pillow reads.")],
    labels: Annotated[list[str], typer.Argument(help="Captions to choose from, such as 'a red circle'.")],
    model_file: ModelFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list and nothing else.")] = False,
) -> None:
    """Rank captions by how well they fit a picture."""
    from toyclip.own.opening import opened
    from toyclip.zero_shot import classifier, similarities

    model, tokenizer, read, *_ = opened(model_file)
    weights = classifier(model, [[label] for label in labels], tokenizer)  # (C, D)
    cosine = similarities(model, read(image)[None], weights)[0]  # (C,)
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


@one_line_errors
def evaluate(
    model_file: ModelFile = None,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Of the test pictures.")] = 1_000_000,
) -> None:
    """Test a model on fresh pictures and on emoji.

    The pictures are 480, drawn for the purpose; the emoji are the ten that the captions of this world can name.
    """
    from toyclip.data import CLASSES, draw_pairs
    from toyclip.metrics import interval
    from toyclip.own.opening import opened
    from toyclip.pictures import world_emoji
    from toyclip.zero_shot import accuracy

    model, tokenizer, _, fit, _ = opened(model_file)
    fresh = draw_pairs(per_class=480 // len(CLASSES), seed=seed)
    for name, pairs in (("fresh pictures", fresh), ("emoji", world_emoji())):
        share = accuracy(model, replace(pairs, pixels=fit(pairs.pixels)), tokenizer)
        low, high = interval(round(share * len(pairs)), len(pairs))
        typer.echo(f"{name}: {share:.1%} of {len(pairs)} right (95 % interval {low:.1%} to {high:.1%})")
