"""Every record once an epoch, none twice, in whatever processes and workers; damage is skipped and counted."""

from collections import Counter
from io import BytesIO
from itertools import zip_longest
from pathlib import Path

import numpy as np
import pytest
import torch
from crew import many
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from test_shards import pack

from toyclip.data import CAPTIONS, Tokenizer
from toyclip.errors import InputError
from toyclip.large import streaming
from toyclip.large.processes import Processes
from toyclip.large.shards import Record, png, shard_paths
from toyclip.large.streaming import Shards, caption_number, decoded, shuffled

SIZES = (7, 3, 1, 9, 4)


def picture(number: int) -> bytes:
    """A picture that says its number."""
    return png(np.full((32, 32, 3), number, np.uint8))


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> list[Path]:
    """Five shards of different length, 24 pairs."""
    folder, number = tmp_path_factory.mktemp("stream"), 0
    for shard, size in enumerate(SIZES):
        members = {}
        for i in range(number, number + size):
            members |= {f"{i}.png": picture(i), f"{i}.txt": CAPTIONS[i % 16].encode()}
        number += size
        pack(folder / f"{shard}.tar", members)
    return shard_paths(str(folder))


def numbers(batches: list) -> list[list[int]]:
    """Which pictures came in each batch; each with its own caption."""
    captions = Tokenizer().encode(CAPTIONS)
    for images, tokens in batches:
        assert images.shape[1:] == (3, 32, 32)
        assert torch.equal(tokens, captions[images[:, 0, 0, 0].long() % 16])
    return [images[:, 0, 0, 0].tolist() for images, _ in batches]


def flat(batches: list[list[int]]) -> list[int]:
    return [number for batch in batches for number in batch]


@settings(max_examples=15)
@given(st.integers(1, 5), st.integers(5, 12), st.integers(0, 9))
def test_processes_share_all_pairs_without_overlap_or_loss(world, size, batch_size, seed):
    before = torch.get_rng_state()
    seen, epochs = [], []
    for rank in range(size):
        source = Shards(world, batch_size, Processes(rank, size))
        order = torch.Generator().manual_seed(seed)
        epochs.append([numbers(list(source.epoch(order))) for _ in range(2)])
        assert all(len(batch) == source.share for batch in epochs[-1][0][:-1])
        assert len(epochs[-1][0]) == source.steps
        seen += flat(epochs[-1][0])
        assert sorted(flat(epochs[-1][1])) == sorted(flat(epochs[-1][0]))
        assert int(source.captions.sum()) == len(flat(epochs[-1][0]))
    assert sorted(seen) == list(range(24))
    assert torch.equal(torch.get_rng_state(), before)


def test_data_workers_share_all_pairs_and_their_order_follows_from_the_seed(world):
    told = []
    for seed in (0, 0, 1):
        source = Shards(world, 6, Processes(), workers=2)
        told.append(numbers(list(source.epoch(torch.Generator().manual_seed(seed)))))
    first, again, other = told
    assert sorted(flat(first)) == list(range(24))
    assert [len(batch) for batch in first] == [6, 6, 6, 6]
    assert first == again != other


def test_order_is_new_in_every_epoch_and_mixes_shards(world):
    order, source = torch.Generator().manual_seed(5), Shards(world, 24, Processes())
    (one,), (two,) = (numbers(list(source.epoch(order))) for _ in range(2))
    assert one != two
    assert len({i in one[:12] for i in range(7)}) == 2  # the seven of the first shard are not all in one half


@given(st.lists(st.integers()), st.integers(1, 9), st.integers(0, 9))
def test_shuffling_keeps_all_and_holds_few(items, size, seed):
    taken, most = 0, 0

    def watched():
        nonlocal taken
        for item in items:
            taken += 1
            yield item

    found = []
    for item in shuffled(watched(), size, np.random.default_rng(seed)):
        most = max(most, taken - len(found))
        found.append(item)
    assert Counter(found) == Counter(items)
    assert most <= size + 1


def sizes_of(processes: Processes, folder: str) -> tuple[list[int], dict[int, int]]:
    """Pairs of each batch of an epoch in this process; and what the source says of all processes."""
    source = Shards(shard_paths(folder), 4, processes)
    batches = list(source.epoch(torch.Generator().manual_seed(1)))
    return [len(images) for images, _ in batches], dict(source.batch_sizes())


@pytest.mark.parametrize("size", [1, 3])
def test_sizes_of_batches_are_those_that_came(world, size):
    """Of three processes, one has 16 pairs, the others 7 and 1: they run out one after the other."""
    folder = str(world[0].parent)
    told = many(sizes_of, size, folder) if size > 1 else [sizes_of(Processes(), folder)]
    expected = Counter(map(sum, zip_longest(*(batches for batches, _ in told), fillvalue=0)))
    assert len(expected) == size
    assert all(said == expected for _, said in told)


# --- damage ----------------------------------------------------------------------------------------------------------


def test_damaged_records_are_skipped_counted_and_told(tmp_path):
    good = {f"{i}.{kind}": c for i in range(4) for kind, c in (("png", picture(i)), ("txt", CAPTIONS[i].encode()))}
    wrong = {
        "a.png": picture(9)[:60], "a.txt": b"a red circle", "b.png": picture(9), "c.txt": b"a red circle",
        "d.png": picture(9), "d.txt": b"a pink circle", "e.png": picture(9), "e.txt": b"\xff\xfe", "f.png": b"",
        "f.txt": b"a red circle", "g.png": picture(9), "g.txt": b"",
    }  # fmt: skip
    pack(tmp_path / "0.tar", good | wrong)
    pack(tmp_path / "1.tar", {k.replace(".", "x."): v for k, v in good.items()})
    cut = (tmp_path / "1.tar").read_bytes()
    (tmp_path / "1.tar").write_bytes(cut[: len(cut) // 3])
    source = Shards(shard_paths(str(tmp_path)), 4, Processes())
    for _ in range(2):  # counted anew in every epoch
        found = flat(numbers(list(source.epoch(torch.Generator()))))
        assert sorted(found) == [0, 0, 1, 2, 3]
        assert source.skipped() == (
            f"skipped 8 damaged records beside {len(found)} pairs: 2 with a broken picture, 1 without a picture, "
            "1 without a caption, 3 with a caption of other words, 1 in a tar that breaks off"
        )


def test_whole_shards_are_told_nothing_of(world):
    source = Shards(world, 6, Processes())
    list(source.epoch(torch.Generator()))
    assert source.skipped() == ""


@pytest.mark.parametrize("workers", [0, 1])
def test_a_shard_without_a_usable_pair_is_one_line(workers, tmp_path):
    pack(tmp_path / "0.tar", {"0.png": picture(0), "0.txt": b"a red circle"})
    pack(tmp_path / "1.tar", {"0.png": b"no picture", "0.txt": b"a red circle"})
    source = Shards(shard_paths(str(tmp_path)), 2, Processes(), workers)
    with pytest.raises(InputError, match=r"1.tar' holds no usable pair; write it again, or leave it out") as error:
        list(source.epoch(torch.Generator()))
    assert len(str(error.value).splitlines()) == 1


def test_more_processes_than_shards_or_pairs_are_refused(world):
    with pytest.raises(InputError, match="5 shards for 6 processes; give at least one for each"):
        Shards(world, 8, Processes(0, 6))
    with pytest.raises(InputError, match="a batch of 2 is too small for 3 processes"):
        Shards(world, 2, Processes(0, 3))


def test_shares_of_a_batch_that_does_not_divide_are_its_sum(world):
    assert [Shards(world, 11, Processes(rank, 3)).share for rank in range(3)] == [4, 4, 3]


def test_pictures_of_other_sizes_and_kinds_become_those_of_the_model():
    for mode in ("L", "RGBA", "P", "CMYK"):
        content = BytesIO()
        Image.new(mode, (80, 40), 0).save(content, "jpeg" if mode in ("L", "CMYK") else "png")
        pixels, tokens = decoded(Record("a", content.getvalue(), b" A Red circle\n"), Tokenizer())
        assert pixels.shape == (3, 32, 32)
        assert pixels.dtype == torch.uint8
        assert tokens.tolist() == [1, 2, 6, 0]


def picture_file(pixels: np.ndarray) -> bytes:
    content = BytesIO()
    Image.fromarray(pixels).save(content, "png")
    return content.getvalue()


def test_a_picture_of_16_bits_is_as_bright_as_it_was():
    levels = np.full((32, 32), 20_000, np.uint16)
    pixels, _ = decoded(Record("a", picture_file(levels), b"a red circle"), Tokenizer())
    assert pixels.unique().tolist() == [round(20_000 / 257)]


def test_a_picture_with_too_many_pixels_is_not_opened(monkeypatch):
    monkeypatch.setattr(streaming, "MOST_PIXELS", 100)
    for width, usable in ((10, True), (11, False)):
        pixels = np.zeros((10, width, 3), np.uint8)
        found = decoded(Record("a", picture_file(pixels), b"a red circle"), Tokenizer())
        assert (found != "with a broken picture") == usable


def test_every_caption_has_its_own_number():
    captions = [*CAPTIONS, *("red circle", "circle red", "red", "a", "a a a a")]
    found = caption_number(Tokenizer().encode(captions))
    assert len(found.unique()) == len(captions)
