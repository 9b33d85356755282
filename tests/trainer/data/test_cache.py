import errno
import multiprocessing
import os
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import trainer.data.images
from trainer.contract.masks import MaskCodes
from trainer.data.cache import Cache, KeptRows, row_bytes
from trainer.data.decode import decode_image
from trainer.data.images import ResizedImages
from trainer.data.samples import Sample
from trainer.errors import BadInput

SIZE = (8, 6)
CODES = MaskCodes(np.array([0, 1, -1], np.int16))


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample]:
    random = np.random.default_rng(0)
    made = []
    for number in range(5):
        image, mask = tmp_path / f"{number}.png", tmp_path / f"{number}-mask.png"
        Image.fromarray(random.integers(0, 256, (12, 16, 3), np.uint8)).save(image)
        Image.fromarray(random.integers(0, 3, (12, 16), np.uint8)).save(mask)
        made.append(Sample(image.name, image, mask))
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def cached(samples: list[Sample], folder: Path, codes: MaskCodes | None = CODES) -> ResizedImages:
    images = ResizedImages(samples, SIZE, codes, cache=Cache(folder, "a town", threads=2))
    images.prepare(masks=codes is not None)
    return images


def files(folder: Path, kind: str = "") -> list[Path]:
    return sorted(folder.glob(f"a_town-{kind}*.npy"))


def assert_same(one: ResizedImages, other: ResizedImages) -> None:
    for index in range(len(other)):
        np.testing.assert_array_equal(one.image(index), other.image(index))
        np.testing.assert_array_equal(one.mask(index), other.mask(index))
    np.testing.assert_array_equal(
        one.area_fractions(3, range(len(other)), threads=2),
        other.area_fractions(3, range(len(other)), threads=2),
    )


def forget(samples: list[Sample]) -> None:
    """Make the files unreadable without changing their sizes or times."""
    for sample in samples:
        for path in (sample.image, sample.mask):
            assert path is not None
            stat = path.stat()
            path.write_bytes(b"x" * stat.st_size)
            os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def test_a_later_run_reads_what_an_earlier_decoded(samples: list[Sample], folder: Path) -> None:
    plain = ResizedImages(samples, SIZE, CODES)
    assert_same(cached(samples, folder), plain)
    forget(samples)
    assert_same(cached(samples, folder), plain)
    assert len(files(folder)) == 3
    assert not list(folder.glob("*.partial"))


def test_images_are_shared_by_runs_with_and_without_masks(
    samples: list[Sample], folder: Path
) -> None:
    cached(samples, folder)
    without = [Sample(sample.name, sample.image) for sample in samples]
    cached(without, folder, codes=None)
    assert len(files(folder, "images")) == 1


def change_a_file(samples: list[Sample]) -> list[Sample]:
    Image.new("RGB", (16, 12), "red").save(samples[2].image)
    return samples


def change_a_time(samples: list[Sample]) -> list[Sample]:
    os.utime(samples[2].image, ns=(1, 1))
    return samples


def leave_one_out(samples: list[Sample]) -> list[Sample]:
    return samples[1:]


@pytest.mark.parametrize("change", [change_a_file, change_a_time, leave_one_out])
def test_changed_files_are_decoded_anew(
    samples: list[Sample], folder: Path, change: Callable[[list[Sample]], list[Sample]]
) -> None:
    cached(samples, folder)
    samples = change(samples)
    assert_same(cached(samples, folder), ResizedImages(samples, SIZE, CODES))
    assert len(files(folder, "images")) == 2


def test_other_categories_are_other_masks(samples: list[Sample], folder: Path) -> None:
    cached(samples, folder)
    other = MaskCodes(np.array([1, 0, 2], np.int16))
    assert_same(cached(samples, folder, other), ResizedImages(samples, SIZE, other))
    assert (len(files(folder, "images")), len(files(folder, "masks"))) == (1, 2)


@pytest.mark.parametrize("damage", ["cut", "empty", "other", "text"])
def test_a_damaged_file_is_made_again(samples: list[Sample], folder: Path, damage: str) -> None:
    cached(samples, folder)
    for path in files(folder):
        if damage == "cut":
            path.write_bytes(path.read_bytes()[:-7])
        elif damage == "other":
            np.save(path, np.zeros((2, 2)))
        else:
            path.write_bytes(b"" if damage == "empty" else b"no array")
    assert_same(cached(samples, folder), ResizedImages(samples, SIZE, CODES))


def test_what_another_left_unfinished_is_written_over(samples: list[Sample], folder: Path) -> None:
    cached(samples, folder)
    for path in files(folder):
        path.rename(path.with_suffix(".partial"))
    assert_same(cached(samples, folder), ResizedImages(samples, SIZE, CODES))
    assert not list(folder.glob("*.partial"))


def test_a_broken_image_leaves_no_file(samples: list[Sample], folder: Path) -> None:
    samples[3].image.write_text("no image")
    with pytest.raises(BadInput, match=r"3\.png: cannot decode"):
        cached(samples, folder)
    assert not files(folder)
    assert not list(folder.glob("*.partial"))


def test_a_folder_that_cannot_be_written_is_named(samples: list[Sample], folder: Path) -> None:
    folder.mkdir()
    cache = Cache(folder, "a town")
    path = cache.path("images", [sample.image for sample in samples], SIZE)
    path.with_suffix(".partial").mkdir()
    with pytest.raises(OSError, match=r"cannot write the cache.*images"):
        ResizedImages(samples, SIZE, cache=cache).prepare()


def test_reading_writes_nothing_back(samples: list[Sample], folder: Path) -> None:
    images = cached(samples, folder)
    before = [path.read_bytes() for path in files(folder)]
    images.tensor(0).zero_()
    assert [path.read_bytes() for path in files(folder)] == before


def test_a_copy_for_another_process_opens_the_file_and_takes_nothing_along(
    samples: list[Sample], folder: Path
) -> None:
    images = cached(samples, folder)
    pickled = pickle.dumps(images)
    assert len(pickled) < 10_000
    forget(samples)
    assert_same(pickle.loads(pickled), images)


def test_those_that_start_together_decode_once(
    samples: list[Sample], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = []

    def counting(path: Path, size: tuple[int, int]) -> NDArray[np.uint8]:
        decoded.append(path)
        return decode_image(path, size)

    monkeypatch.setattr(trainer.data.images, "decode_image", counting)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: cached(samples, folder), range(4)))
    assert sorted(decoded) == [sample.image for sample in samples]


def test_memory_does_not_travel_to_other_processes(samples: list[Sample]) -> None:
    images = ResizedImages(samples, SIZE, CODES)
    assert images.image(0) is images.image(0)
    copied = pickle.loads(pickle.dumps(images))
    assert copied.image(0) is not copied.image(0)
    assert_same(copied, images)


def test_a_subset_shares_what_is_decoded(samples: list[Sample]) -> None:
    images = ResizedImages(samples, SIZE, CODES)
    part = images.subset([3, 1])
    assert [sample.name for sample in part.samples] == ["3.png", "1.png"]
    assert part.image(0) is images.image(3)
    assert part.subset([1]).image(0) is images.image(1)
    np.testing.assert_array_equal(part.mask(1), images.mask(1))


SHAPE, HALF = (2, 3, 5), np.dtype(np.float16)


def row_of(index: int) -> NDArray[np.float16]:
    return np.arange(index, index + 30, dtype=HALF).reshape(SHAPE)


def kept(path: Path) -> KeptRows:
    return KeptRows(path, SHAPE, HALF)


def read(rows: KeptRows, index: int) -> NDArray[np.float16] | None:
    into = np.full(SHAPE, np.nan, HALF)
    return into if rows.read(index, into) else None


def test_a_kept_row_is_read_back_also_by_others(tmp_path: Path) -> None:
    rows, other = kept(tmp_path / "new" / "x.rows"), kept(tmp_path / "new" / "x.rows")
    assert read(rows, 4) is None
    rows.write(4, row_of(4))
    for each in (rows, other):
        np.testing.assert_array_equal(read(each, 4), row_of(4))
        assert [index for index in range(7) if read(each, index) is not None] == [4]


@pytest.mark.parametrize("damage", ["cut", "changed", "half", "empty"])
def test_a_damaged_row_is_not_read_and_made_anew(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "x.rows"
    rows = kept(path)
    for index in range(3):
        rows.write(index, row_of(index))
    content, size = bytearray(path.read_bytes()), row_bytes(SHAPE, HALF)
    assert len(content) == 3 * size
    if damage == "changed":
        content[size + 11] ^= 1
    elif damage == "half":  # as when another process had come so far
        content[size + 20 : 2 * size - 4] = bytes(row_of(7).data)[20:]
    path.write_bytes(content[: 2 * size - 1] if damage == "cut" else content)
    if damage == "empty":
        path.write_bytes(b"")
    again = kept(path)
    assert read(again, 1) is None
    again.write(1, row_of(1))
    np.testing.assert_array_equal(read(again, 1), row_of(1))
    if damage in ("changed", "half"):
        np.testing.assert_array_equal(read(again, 2), row_of(2))


@pytest.mark.parametrize("written", [None, 17])
def test_a_full_disk_ends_keeping_but_not_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: int | None
) -> None:
    def full(*_: object) -> int:
        if written is None:
            raise OSError(errno.ENOSPC, "No space left on device")
        return written

    rows = kept(tmp_path / "x.rows")
    rows.write(0, row_of(0))
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwritev", full)
        rows.write(1, row_of(1))
    rows.write(2, row_of(2))
    found = [read(rows, index) for index in range(3)]
    np.testing.assert_array_equal(found[0], row_of(0))
    assert found[1:] == [None, None]


def _write_and_read(path: Path) -> None:
    rows = kept(path)
    for _ in range(20):
        for index in range(40):
            found = read(rows, index)
            if found is not None:
                np.testing.assert_array_equal(found, row_of(index))
            rows.write(index, row_of(index))


def test_two_processes_share_a_file_without_waiting(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    path = tmp_path / "x.rows"
    others = [context.Process(target=_write_and_read, args=(path,)) for _ in range(2)]
    for each in others:
        each.start()
    for each in others:
        each.join()
        assert each.exitcode == 0
    np.testing.assert_array_equal(read(kept(path), 39), row_of(39))
