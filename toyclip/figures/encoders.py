"""Figures of chapter 2: the model's source, its parameters, what it sees, and its cosines (helper, no chapter)."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.axes import Axes
from torch import Tensor

from toyclip.encoders import ImageEncoder
from toyclip.figures import style

PARTS = {"image": style.ACCENT, "text": style.CONTRAST, "scale": style.GREY}


@torch.no_grad()
def feature_maps(encoder: ImageEncoder, image: Tensor, columns: int = 5) -> None:
    """A picture (3, H, W), the activations of the liveliest channels of each convolution, their mean and the end."""
    maps, x = [], image[None]
    handles = [
        conv.register_forward_hook(lambda layer, inputs, output: maps.append(F.relu(output[0])))
        for conv in encoder.convs
    ]
    encoder.features(x)
    for handle in handles:
        handle.remove()
    ends = {"their mean over all places": maps[-1].mean(dim=(1, 2)), "after the linear layer": encoder(x)[0]}
    rows = len(maps) + 1
    figure, axes = style.new(7.0, rows + len(ends), columns, height_ratios=[1] * rows + [0.3] * len(ends))
    for axis in axes[:rows].flat:
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
    axes[0, 0].imshow(image.permute(1, 2, 0))
    said = f"the picture: 3 numbers\nat {image.shape[1]} × {image.shape[2]} places"
    axes[0, 0].text(1.15, 0.5, said, transform=axes[0, 0].transAxes, va="center", fontsize=12).set_in_layout(False)
    for axis in axes[0, 1:]:
        axis.remove()
    for row, layer in enumerate(maps, start=1):
        busiest = layer.flatten(1).var(dim=1).argsort(descending=True)[:columns]
        for axis, channel in zip(axes[row], busiest, strict=True):
            axis.imshow(layer[channel], cmap="gray")
        channels, height, width = layer.shape
        said = f"conv {row}: {channels} numbers at {height} × {width} places"
        axes[row, 0].text(0, 1.08, said, transform=axes[row, 0].transAxes, fontsize=12).set_in_layout(False)
        axes[row, 0].set_title(" ", fontsize=12)  # keeps the room for the line above
    for row, (name, values) in enumerate(ends.items(), start=rows):
        grid = axes[row, 0].get_gridspec()
        for axis in axes[row]:
            axis.remove()
        _strip(figure.add_subplot(grid[row, :]), values)
        figure.axes[-1].set_title(f"{name}: {len(values)} numbers", fontsize=12, fontweight="normal", loc="left")
    style.title(figure, "Fewer places, more numbers at each")
    sizes = ", ".join(f"{m.shape[0]} maps of {m.shape[1]} × {m.shape[2]}" for m in maps)
    style.show(
        figure,
        f"A drawn cross of 3 × {image.shape[1]} × {image.shape[2]} numbers, then the {columns} liveliest maps of each "
        f"convolution: {sizes}. Some first maps look like the shape, others light up along one side of it; in the "
        f"last two the outline is gone. Below, two strips of {len(ends['after the linear layer'])} numbers.",
    )


def _strip(axis: Axes, values: Tensor) -> None:
    """Numbers in a row of coloured cells, blue below 0 and red above, the largest as strong as can be."""
    most = values.abs().max().item()
    axis.imshow(values[None], cmap="RdBu_r", vmin=-most, vmax=most, aspect="auto")
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)


def text_strips(words: Mapping[str, Tensor], stages: Mapping[str, Tensor]) -> None:
    """Vectors of the words of a caption, (D,) each, and what the text encoder makes of them, stage by stage."""
    rows = {**words, **stages}
    figure, axes = style.new(4.6, len(rows), 1)
    for axis, (name, values) in zip(axes, rows.items(), strict=True):
        _strip(axis, values)
        said = f"“{name}” and its position" if name in words else name
        axis.set_title(said, fontsize=11, fontweight="normal", loc="left", pad=3,
                       color=style.CONTRAST if name in words else style.ACCENT)  # fmt: skip
    style.title(figure, "Three vectors become one")
    lengths = ", ".join(f"{name} {values.norm():.1f}" for name, values in rows.items())
    style.show(
        figure,
        f"{len(rows)} strips of 64 coloured cells: one for each word of the caption, then their mean, what LayerNorm "
        f"makes of it, and the end, scaled to length one. Lengths: {lengths}.",
    )


def parameter_bars(counts: Mapping[str, int]) -> None:
    """Bars of the number of parameters; the first word of each name says which part of the model it belongs to."""
    figure, axes = style.new(4.2)
    names, total = list(counts), sum(counts.values())
    axes.barh(names, counts.values(), color=[PARTS[name.split()[0]] for name in names])
    for name, count in counts.items():
        axes.text(count + 0.01 * max(counts.values()), name, f"{count:,}", va="center", fontsize=11)
    axes.invert_yaxis()
    axes.set(xticks=[], xlim=(0, 1.2 * max(counts.values())))
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    largest = max(counts, key=counts.get)
    style.title(figure, f"One layer holds {counts[largest] / total:.0%} of the model")
    listed = ", ".join(f"{name} {count:,}" for name, count in counts.items())
    style.show(figure, f"Bars of the {total:,} parameters by layer. {largest} holds the most. {listed}.")


def receptive_fields(seen: Mapping[str, Tensor], boxes: Mapping[str, tuple[int, int]]) -> None:
    """How strongly the pixels (H, W) move the features of one place, with the box that the formula gives.

    Args:
        boxes: (first pixel, width) of the square for each name.
    """
    figure, axes = style.new(3.1, 1, len(seen))
    for axis, (name, strength) in zip(axes, seen.items(), strict=True):
        start, width = boxes[name]
        axis.imshow(strength / strength.max(), cmap="Blues", vmin=0, vmax=1)
        box = [start - 0.5, start + width - 0.5]
        axis.plot(*zip(*[(box[i], box[j]) for i, j in ((0, 0), (1, 0), (1, 1), (0, 1), (0, 0))], strict=True),
                  color=style.CONTRAST, clip_on=False)  # fmt: skip
        axis.set_title(f"{name}: {width} pixels", fontsize=12)
        axis.set(xticks=[0, 16, 31], yticks=[0, 16, 31])
    style.title(figure, "One number sees a window,\nthe middle of it best")
    parts = []
    for name, strength in seen.items():
        start, width = boxes[name]
        quarter = width // 4
        middle = strength[start + quarter : start + width - quarter, start + quarter : start + width - quarter]
        parts.append(
            f"{name}: {width} × {width} pixels, {middle.sum() / strength.sum():.0%} of the gradient in the middle "
            f"{middle.numel() / width**2:.0%} of them"
        )
    style.show(
        figure,
        "Two heat maps of 32 × 32 pixels with the size of the gradient of one place of the last convolution. It is "
        "zero outside a box and fades towards its edges. " + "; ".join(parts) + ".",
    )


def shift_curves(shifts: Sequence[int], curves: Mapping[str, Sequence[float]], stride: int) -> None:
    """Cosine between a picture's embedding and that of the shifted picture, for each way of reading the features."""
    figure, axes = style.new(3.4)
    for (name, values), colour in zip(curves.items(), (style.ACCENT, style.CONTRAST), strict=True):
        axes.plot(shifts, values, color=colour, marker="o", markersize=4)
        middle = len(values) // 3
        axes.text(shifts[middle] + 0.3, values[middle] - 0.03 + 0.06 * (values[middle] < 0.7), name, color=colour,
                  va="bottom" if values[middle] < 0.7 else "top", fontsize=12)  # fmt: skip
    for multiple in range(0, shifts[-1] + 1, stride):
        axes.axvline(multiple, color=style.GREY, linewidth=0.6, linestyle=":", zorder=0)
    axes.set(xlabel="shift in pixels", ylabel="cosine with the unshifted", ylim=(0, 1.08), xticks=shifts[::2])
    style.title(figure, "After the mean, the place hardly matters")
    parts = "; ".join(
        f"{name}: lowest {min(values):.2f}, {values[stride]:.2f} at {stride} pixels" for name, values in curves.items()
    )
    style.show(
        figure, f"Cosine of embeddings of a shape before and after a shift of 0 to {shifts[-1]} pixels. {parts}."
    )


def lengths_and_angles(picture: Tensor, captions: Mapping[str, Tensor]) -> None:
    """A picture and two captions as plane vectors, as they are and on the unit circle, with their scores."""
    figure, axes = style.new(3.5, 1, 2)
    told = []
    for axis, unit in zip(axes, (False, True), strict=True):
        target = F.normalize(picture, dim=0) if unit else picture
        vectors = {name: F.normalize(v, dim=0) if unit else v for name, v in captions.items()}
        scores = {name: (v @ target).item() for name, v in vectors.items()}
        for (name, v), colour in zip(vectors.items(), (style.ACCENT, style.CONTRAST), strict=True):
            axis.annotate("", v.tolist(), (0, 0), arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 2})
            axis.text(0.02, 0.86 if colour == style.ACCENT else 0.98, f"{name}: {scores[name]:.2f}", color=colour,
                      transform=axis.transAxes, va="top", fontsize=11)  # fmt: skip
        axis.annotate("", target.tolist(), (0, 0), arrowprops={"arrowstyle": "-|>", "color": style.INK, "lw": 2})
        longest = max(v.norm().item() for v in (target, *vectors.values()))
        axis.text(target[0].item(), 0, "picture", fontsize=11, va="top", ha="center")
        turn = np.linspace(0, np.pi / 2, 60)
        if unit:
            axis.plot(np.cos(turn), np.sin(turn), color=style.GREY, linewidth=0.8, zorder=0)
        axis.set(xlim=(-0.05 * longest, 1.15 * longest), ylim=(-0.15 * longest, 1.45 * longest), xticks=[], yticks=[])
        axis.set_aspect("equal")
        axis.set_title("cosine" if unit else "dot product", fontsize=12)
        told.append(", ".join(f"{name} {score:.2f}" for name, score in scores.items()))
    style.title(figure, "Unnormalised, the longer vector wins")
    style.show(
        figure,
        f"Left, arrows of different length: the dot products with the picture are {told[0]}, so the long arrow wins. "
        f"Right, the same arrows on the unit circle: {told[1]}, and the nearer direction wins.",
    )


def cosine_histograms(before: Tensor, after: Tensor, shared: Tensor) -> None:
    """Cosines of all pairs of pictures, (P,), before and after training.

    Args:
        shared: (P,) how many of colour and shape the two pictures have in common, 0 to 2.
    """
    figure, axes = style.new(4.1, 2, 1, sharex=True)
    bins = np.linspace(-1, 1, 61)
    groups = (("nothing shared", style.CONTRAST), ("colour or shape", style.THIRD), ("both", style.ACCENT))
    means = []
    for axis, cosines, name in zip(axes, (before, after), ("untrained", "trained"), strict=True):
        for number, (_, colour) in enumerate(groups):
            axis.hist(cosines[shared == number].numpy(), bins, density=True, color=colour, alpha=0.7)
        axis.set(yticks=[], xlim=(-1, 1.02))
        axis.spines["left"].set_visible(False)
        axis.text(-0.99, 0.97, name, transform=axis.get_xaxis_transform(), va="top", fontweight="bold", fontsize=12)
        means.append([cosines[shared == number].mean().item() for number in range(len(groups))])
    for (name, colour), x, y in zip(groups, means[1], (0.22, 0.42, 0.62), strict=True):
        axes[1].text(min(x, 0.85), y, name, color=colour, transform=axes[1].get_xaxis_transform(),
                     ha="right" if x > 0.85 else "center", fontsize=12)  # fmt: skip
    axes[1].set_xlabel("cosine between two held-out pictures")
    style.title(figure, "Untrained, all pictures look alike")
    listed = [", ".join(f"{name} {m:.2f}" for (name, _), m in zip(groups, row, strict=True)) for row in means]
    style.show(
        figure,
        "Histograms of cosines between held-out pictures, by how much of colour and shape they share. Untrained, one "
        f"heap near 1; means: {listed[0]}. Trained, three heaps apart; means: {listed[1]}.",
    )


def probes(asked: Mapping[str, Sequence[float]], chance: float) -> None:
    """Shares of held-out pictures put right, 0 to 1, a dot for each model; the last word about each is its mean."""
    figure, axes = style.new(0.9 + 0.52 * len(asked))
    for row, (name, values) in enumerate(asked.items()):
        mean = 100 * sum(values) / len(values)
        colour = style.GREY if "shuffled" in name else style.CONTRAST if "pixels" in name else style.ACCENT
        axes.plot([0, mean], [row, row], color=colour, lw=1, alpha=0.5)
        axes.plot([100 * v for v in values], [row] * len(values), "o", color=colour, ms=6)
        axes.text(106, row, f"{mean:.0f} %", color=colour, va="center", ha="left", fontsize=12)
    axes.axvline(100 * chance, color=style.GREY, lw=0.8, ls=":")
    axes.set_yticks(range(len(asked)), list(asked), fontsize=11)
    axes.invert_yaxis()
    axes.spines["bottom"].set_bounds(0, 100)
    axes.set(xlabel="held-out pictures right, %", xlim=(0, 124), xticks=[0, 50, 100])
    style.title(figure, "It is all there, but not under its name")
    told = "; ".join(f"{name.replace(chr(10), ' ')} {sum(v) / len(v):.0%}" for name, v in asked.items())
    style.show(figure, f"Pictures put right of sixteen classes, a dot for each model. Means: {told}.", live=True)
