"""What training a CLIP takes, on paper: arithmetic, memory and traffic, beside what was reported (from toy to CLIP)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import CLIPConfig

PASSES = 3  # forwards once, backwards twice: for the inputs' gradient and for the weights'
PEAK = {"V100": 125e12, "A100": 312e12}  # floating-point operations a second in 16 bits, by NVIDIA's data sheets
DAY = 24 * 3600  # seconds


@dataclass(frozen=True)
class Tower:
    """A Transformer with what stands before and behind it; the defaults of a `CLIPConfig` make the two of ViT-B/32."""

    width: int
    perceptron: int  # width inside
    layers: int
    length: int  # tokens
    embed_dim: int  # of the space where both towers end
    patches: int = 0  # of a picture
    patch_values: int = 0  # numbers in one of them

    @property
    def multiply_adds(self) -> int:
        """Of one picture or caption, forwards; what is not a product of matrices is left out.

        The matrices of a layer multiply each token; queries with keys, and weights with values, go by the square of
        the length. Looking a word up multiplies nothing.
        """
        matrices = self.length * (4 * self.width**2 + 2 * self.width * self.perceptron)
        attention = 2 * self.length**2 * self.width
        return (
            self.patches * self.patch_values * self.width
            + self.layers * (matrices + attention)
            + self.width * self.embed_dim
        )


def towers(config: "CLIPConfig") -> tuple[Tower, Tower]:
    """The tower for pictures and that for captions.

    >>> from transformers import CLIPConfig
    >>> [round(tower.multiply_adds / 1e9, 2) for tower in towers(CLIPConfig())]
    [4.41, 2.98]
    """
    vision, text, ends = config.vision_config, config.text_config, config.projection_dim
    patches = (vision.image_size // vision.patch_size) ** 2
    return (
        Tower(vision.hidden_size, vision.intermediate_size, vision.num_hidden_layers, patches + 1, ends,
              patches, vision.num_channels * vision.patch_size**2),
        Tower(text.hidden_size, text.intermediate_size, text.num_hidden_layers, text.max_position_embeddings, ends),
    )  # fmt: skip


def step_operations(config: "CLIPConfig", batch: int) -> tuple[int, int]:
    """Floating-point operations of one step of training: those of the towers, and those of all the similarities.

    A multiplication and an addition are two. The first grow with the batch, the second with its square.

    >>> from transformers import CLIPConfig
    >>> encoders, similarities = step_operations(CLIPConfig(), batch=32_768)
    >>> f"{encoders:.2e}, {similarities / encoders:.2%}"
    '1.45e+15, 0.23%'
    """
    pair = sum(tower.multiply_adds for tower in towers(config))
    return 2 * PASSES * batch * pair, 2 * PASSES * batch**2 * config.projection_dim


def training_operations(config: "CLIPConfig", pairs: float, batch: int) -> float:
    """Floating-point operations of a training that sees so many pairs, repeated ones counted each time.

    >>> from transformers import CLIPConfig
    >>> f"{training_operations(CLIPConfig(), pairs=32 * 400e6, batch=32_768):.1e}"
    '5.7e+20'
    """
    return sum(step_operations(config, batch)) * pairs / batch


def gpu_days(operations: float, utilisation: float, gpu: str = "A100") -> float:
    """Days of one processor that makes this part of its data sheet's operations; a `PEAK` must be known.

    >>> round(gpu_days(5.7e20, utilisation=1.0))
    21
    """
    return operations / (PEAK[gpu] * utilisation) / DAY


def utilisation(operations: float, days: float, gpu: str = "A100") -> float:
    """The part of the data sheet's operations that was made in this many days of one processor, 0 to 1.

    >>> from transformers import CLIPConfig
    >>> work = training_operations(CLIPConfig(), pairs=32 * 400e6, batch=32_768)
    >>> f"{utilisation(work, days=4600 / 24):.0%}"      # OpenCLIP's ViT-B/32, see REPORTED
    '11%'
    """
    return operations / (PEAK[gpu] * days * DAY)


def state_bytes(parameters: int) -> int:
    """Memory for weights, their gradients and the two moments of Adam, four bytes each.

    >>> state_bytes(151_277_313) / 1e9
    2.420437008
    """
    return 4 * 4 * parameters


def similarity_bytes(batch: int, processes: int = 1) -> int:
    """Memory for the similarities of a batch in four bytes each, at one process.

    A process that computes the loss of its own pairs only has two strips, its pictures against all captions and its
    captions against all pictures; one that is alone has the whole square, once, since the strips are the same.

    Raises:
        ValueError: if the processes do not share the batch evenly.

    >>> similarity_bytes(32_768), similarity_bytes(32_768, processes=128)
    (4294967296, 67108864)
    """
    if batch % processes:
        raise ValueError(f"{batch} pairs do not split evenly over {processes} processes")
    return 4 * batch * (batch if processes == 1 else 2 * (batch // processes))


def step_traffic(parameters: int, batch: int, embed_dim: int, processes: int) -> tuple[int, int]:
    """Bytes that one process receives in a step: embeddings, and gradients of the weights; four bytes a number.

    Of the embeddings all but its own come from the others, and as many bytes of their gradients (all-gather forwards,
    reduce-scatter backwards). A ring that sums the weights' gradients brings each process twice all but its own share.

    >>> [round(part / 1e6) for part in step_traffic(151_277_313, 32_768, 512, processes=128)]     # megabytes
    [266, 1201]
    """
    others = (processes - 1) / processes
    return round(others * 2 * 2 * 4 * batch * embed_dim), round(others * 2 * 4 * parameters)


@dataclass(frozen=True)
class Reported:
    """What somebody said a training took."""

    model: str
    data: str
    gpu: str
    gpus: int
    hours: float
    source: str

    @property
    def gpu_days(self) -> float:
        """Processors times days."""
        return self.gpus * self.hours / 24


#: Radford et al. 2021, section 2.5; OpenCLIP, docs/PRETRAINED.md, section LAION-400M, as of its repository in 2026.
REPORTED = (
    Reported("RN50x64", "WIT-400M", "V100", 592, 18 * 24, "radford2021"),
    Reported("ViT-L/14", "WIT-400M", "V100", 256, 12 * 24, "radford2021"),
    Reported("ViT-B/32", "LAION-400M", "A100", 128, 36, "openclip"),
    Reported("ViT-B/16", "LAION-400M", "A100", 176, 61, "openclip"),
    Reported("ViT-L/14", "LAION-400M", "A100", 400, 127, "openclip"),
)
