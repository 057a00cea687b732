"""A model by its name on Hugging Face's hub: a folder in the cache, fetched if it is not there, and never a pickle."""

import warnings
from pathlib import Path

from toyclip.errors import ModelFileError
from toyclip.files import write_whole

WEIGHTS = ("model.safetensors", "model.safetensors.index.json")  # whole, or the list of its parts
WANTED = ["*.json", "model*.safetensors", "merges.txt", "*.model"]  # of a repository; `*.model` holds word pieces
PATIENCE = 5  # seconds to wait for an answer
OURS = "converted-for-toyclip"  # the name of a reference
BOT, TITLE = "SFconvertbot", "Adding `safetensors` variant of this model"  # whose, and how its pull requests are called


def fetched(name: str) -> Path:
    """The folder of huggingface_hub's cache that holds a repository's description, weights and word pieces.

    Without a network the cache must do. Old repositories, that of `openai/clip-vit-base-patch32` among them, hold
    pickled weights only; the hub's own bot offers them as safetensors in a pull request, and then that is what is read,
    as transformers does.

    Args:
        name: owner and repository, "openai/clip-vit-base-patch32".

    Raises:
        ModelFileError: if there is no such repository, or it is neither in the cache nor within reach.
    """
    import huggingface_hub
    from huggingface_hub.utils import disable_progress_bars

    disable_progress_bars()
    try:
        with warnings.catch_warnings(action="ignore"):
            folder = _snapshot(name, None)
            return folder if has_weights(folder) else _converted(name, folder)
    except huggingface_hub.errors.RepositoryNotFoundError:
        told = "the hub of Hugging Face shows no such model; check its name"
    except Exception as error:  # whatever can happen to a network, and what huggingface_hub makes of it
        reason = str(error).split("\n")[0].rstrip(".")
        told = f"the hub of Hugging Face is out of reach ({reason}); connect, or give a folder with the model"
    raise ModelFileError(f"{name!r} is no file, no folder and not whole in the cache, and {told}") from None


def has_weights(folder: Path) -> bool:
    """Whether a folder holds weights in the one format that is read here."""
    return any((folder / file).is_file() for file in WEIGHTS)


def _snapshot(name: str, revision: str | None) -> Path:
    """The folder of one revision; the hub is asked first whether it answers, since a download would wait for ever."""
    from huggingface_hub import HfApi, errors, snapshot_download

    try:
        HfApi().model_info(name, revision=revision, timeout=PATIENCE)
    except errors.RepositoryNotFoundError:
        raise
    except Exception as out_of_reach:
        try:
            return Path(snapshot_download(name, revision=revision, local_files_only=True))
        except errors.LocalEntryNotFoundError:
            raise out_of_reach from None
    return Path(snapshot_download(name, revision=revision, allow_patterns=WANTED, etag_timeout=PATIENCE))


def _converted(name: str, folder: Path) -> Path:
    """The bot's pull request with the same weights as safetensors; the folder as it is, if there is none.

    Which one was the bot's is kept as a reference of our own in the cache: a pull request that was fetched by somebody
    else may be anybody's, and without a network nobody says whose.
    """
    from huggingface_hub import get_repo_discussions

    known = folder.parents[1] / "refs" / OURS
    if known.is_file() and has_weights(before := folder.parent / known.read_text(encoding="utf-8").strip()):
        return before
    requests = get_repo_discussions(name, author=BOT, discussion_type="pull_request")
    bots = next((r for r in requests if (r.author, r.title) == (BOT, TITLE)), None)  # anybody could offer other weights
    if bots is None:
        return folder
    found = _snapshot(name, bots.git_reference)
    write_whole(known, lambda beside: beside.write_text(found.name, encoding="utf-8"))
    return found
