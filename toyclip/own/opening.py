"""Any model by its name: a file of this book's, a folder that `save_pretrained` wrote, a name on Hugging Face's hub."""

import re
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image, ImageOps
from torch import Tensor

from toyclip import checkpoint
from toyclip.data import Tokenizer
from toyclip.encoders import ToyCLIP
from toyclip.errors import ImageError, ModelFileError
from toyclip.own import hub
from toyclip.pictures import MOST_PIXELS, eight_bits, load_picture

CONFIG, PREPROCESSOR, TOKENIZER = "config.json", "preprocessor_config.json", "tokenizer_config.json"
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack")  # what else may hold weights; most of it can run code
HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")


class Opened(NamedTuple):
    """A model with all it needs to be asked something."""

    model: ToyCLIP
    tokenizer: Tokenizer  # or own.hugging_face.Pieces
    read: Callable[[str | Path], Tensor]  # a picture's file -> (3, H, W), as `model` takes it; ImageError if it cannot
    fit: Callable[[Tensor], Tensor]  # (N, 3, h, w) bytes of any size -> (N, 3, H, W), as `model` takes it
    template: str  # with which a bare word becomes a caption this model can read


def opened(name: str | Path | None = None) -> Opened:
    """The model of this name; without one, the small trained one that comes with the package.

    Args:
        name: a file that `toyclip train` wrote, a folder with a `CLIPModel` or `SiglipModel` of transformers, its
            tokenizer and its image processor, or the name of such a folder on the hub, which is then kept in the cache
            of huggingface_hub.

    Raises:
        ModelFileError: if there is no such model, it is damaged or lacks a part, its weights are pickled, transformers
            is not installed, or the hub is out of reach.

    >>> model, tokenizer, *_ = opened()
    >>> model.embed_texts(tokenizer.encode(["a red circle"])).shape
    torch.Size([1, 64])
    """
    path = Path(checkpoint.PRETRAINED if name is None else name)
    if path.is_dir():
        return _from_folder(path, str(path))
    if not path.exists() and path.suffix != ".safetensors" and HUB_NAME.fullmatch(path.as_posix()):
        _needs_transformers(path.as_posix())
        return _from_folder(hub.fetched(path.as_posix()), path.as_posix())
    model, tokenizer = checkpoint.load(path)
    return Opened(model, tokenizer, load_picture, lambda pictures: pictures, "a {}")


def open_picture(path: str | Path) -> Image.Image:
    """A picture's file in RGB, whole and the right way up, as the processors of other models want it.

    Raises:
        ImageError: if the file is missing, is no picture, is damaged, or has too many pixels.
    """
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as file:
            if file.width * file.height > MOST_PIXELS:
                raise ImageError(f"it has {file.width} x {file.height} pixels, more than {MOST_PIXELS:,}")
            return ImageOps.exif_transpose(eight_bits(file)).convert("RGB")
    except FileNotFoundError:
        raise ImageError(f"there is no file {str(path)!r}; give the path of a picture") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ImageError(f"cannot read {str(path)!r} as a picture ({error}); give a whole PNG or JPEG") from None


class Reader:
    """Turns pictures into what a model of Hugging Face reads, by its own image processor, all but the last scaling."""

    def __init__(self, processor: object):
        self.processor = processor

    def __call__(self, path: str | Path) -> Tensor:
        """A picture's file -> (3, H, W) uint8; ImageError names what cannot be read."""
        return self.pixels(open_picture(path))

    def pixels(self, picture: Image.Image) -> Tensor:
        """An RGB picture of any size -> (3, H, W) uint8."""
        out = self.processor(picture, do_rescale=False, do_normalize=False, return_tensors="pt")
        return out["pixel_values"][0]

    def fit(self, pictures: Tensor) -> Tensor:
        """(N, 3, h, w) uint8 -> (N, 3, H, W) uint8."""
        return torch.stack([self.pixels(Image.fromarray(p.permute(1, 2, 0).numpy())) for p in pictures])


def _needs_transformers(name: str) -> None:
    if find_spec("transformers") is None:
        raise ModelFileError(
            f"{name!r} would be a model of Hugging Face, for which the package transformers is missing; "
            "run pip install -e '.[real]'"
        )


def _from_folder(folder: Path, name: str) -> Opened:
    """The model in a folder, after a look at what is there."""
    if not (folder / CONFIG).is_file():
        raise ModelFileError(f"{name!r} lacks {CONFIG}; give a folder that save_pretrained wrote")
    if not hub.has_weights(folder):
        pickled = sorted(file.name for file in folder.iterdir() if file.suffix in PICKLES)
        held = (
            f"has its weights only in {pickled[0]}, which may run code when it is read" if pickled else "lacks weights"
        )
        raise ModelFileError(f"{name!r} {held}; give a folder with model.safetensors, as save_pretrained writes it")
    for file, part in ((PREPROCESSOR, "image processor"), (TOKENIZER, "tokenizer")):
        if not (folder / file).is_file():
            raise ModelFileError(f"{name!r} lacks {file}; save the {part} there with its save_pretrained")
    _needs_transformers(name)
    try:
        with warnings.catch_warnings(action="ignore"):
            return _read(folder)
    except Exception as error:  # a foreign loader raises what it likes on a damaged file
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        if isinstance(error, ImportError):  # such as SigLIP's tokenizer, which needs sentencepiece
            raise ModelFileError(f"a part of {name!r} needs another package ({reason}); install it with pip") from None
        raise ModelFileError(f"{name!r} is no whole CLIP or SigLIP of Hugging Face ({reason}); save it anew") from None


def _read(folder: Path) -> Opened:
    """Model, tokenizer and image processor, each checked against the others; ModelFileError says what does not fit."""
    from transformers import AutoConfig, AutoTokenizer, CLIPModel, SiglipModel, logging
    from transformers.models.auto.image_processing_auto import AutoImageProcessor  # asks for no torchvision

    from toyclip.own.hugging_face import KINDS, HuggingFaceCLIP, Pieces

    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    here = {"local_files_only": True, "trust_remote_code": False}
    config = AutoConfig.from_pretrained(folder, **here)
    if config.model_type not in KINDS:
        raise ModelFileError(f"it is of kind {config.model_type!r}, not {' or '.join(KINDS)}")
    built, told = (CLIPModel if config.model_type == "clip" else SiglipModel).from_pretrained(
        folder, config=config, local_files_only=True, use_safetensors=True, dtype=torch.float32,
        output_loading_info=True,
    )  # fmt: skip
    for what in ("missing_keys", "mismatched_keys", "unexpected_keys"):
        if told[what]:
            raise ModelFileError(f"{what.replace('_', ' ')} among its weights, such as {sorted(told[what])[0]}")
    processor = AutoImageProcessor.from_pretrained(folder, backend="pil", **here)
    scaled = processor.do_rescale and abs(processor.rescale_factor * 255 - 1) < 1e-6
    if not scaled:
        raise ModelFileError(f"its image processor does not bring bytes to 0 to 1, but by {processor.rescale_factor}")
    normed = processor.do_normalize
    mean, std = (processor.image_mean, processor.image_std) if normed else ((0.0,) * 3, (1.0,) * 3)
    model = HuggingFaceCLIP(built, mean, std).eval()
    tokenizer, text = AutoTokenizer.from_pretrained(folder, **here), config.text_config
    if len(tokenizer) > text.vocab_size:
        raise ModelFileError(f"its tokenizer knows {len(tokenizer)} pieces, the model {text.vocab_size}")
    if config.model_type == "clip" and text.eos_token_id not in (2, tokenizer.eos_token_id):  # 2: the highest id ends
        raise ModelFileError(f"a caption ends in {tokenizer.eos_token_id}, but the model waits for {text.eos_token_id}")
    pieces, reader = Pieces(tokenizer, text.max_position_embeddings), Reader(processor)
    _check_answers(model, pieces, reader)
    return Opened(model, pieces, reader, reader.fit, "a photo of a {}")


@torch.no_grad()
def _check_answers(model: ToyCLIP, pieces: object, reader: Reader) -> None:
    """A black and a white picture, and a caption, must have places of length 1 in the space."""
    pictures = torch.tensor([0, 255], dtype=torch.uint8).reshape(2, 1, 1, 1).expand(2, 3, 8, 8)  # (2, 3, 8, 8)
    places = torch.cat([model.embed_images(reader.fit(pictures)), model.embed_texts(pieces.encode(["a red circle"]))])
    if not (places.norm(dim=1).sub(1).abs() < 0.01).all() or not model.logit_scale.isfinite().all():
        raise ModelFileError("its answers are no finite numbers other than 0")
