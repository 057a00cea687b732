"""Figures of chapter 2: the model's source, its parameters, what it sees, and its cosines (helper, no chapter)."""

from collections.abc import Mapping, Sequence

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
