"""How sets that are published as one are divided into splits."""

from pathlib import Path

import pytest

from visrep.env.faults import UserFault
from visrep.env.formats.division import divided, lot

NAMES = [str(number) for number in range(2000)]


def test_train_and_test_have_nothing_in_common_and_leave_nothing_out(tmp_path: Path) -> None:
    for share in (0.1, 0.5, 0.9):
        train, test = (divided(tmp_path, split, share)[1] for split in ("train", "test"))
        assert all(train(name) != test(name) for name in NAMES)
        assert abs(sum(map(train, NAMES)) / len(NAMES) - share) < 0.05


def test_without_a_share_everything_is_for_testing(tmp_path: Path) -> None:
    folder, belongs = divided(tmp_path, "test", 0.0)
    assert folder == tmp_path
    assert all(map(belongs, NAMES))


def test_a_larger_share_takes_what_a_smaller_one_takes(tmp_path: Path) -> None:
    small, large = (divided(tmp_path, "train", share)[1] for share in (0.2, 0.6))
    assert all(large(name) for name in NAMES if small(name))


def test_the_division_is_the_same_everywhere() -> None:
    assert [round(lot(name), 3) for name in ("0", "1", "2")] == [0.375, 0.42, 0.83]


def test_a_folder_of_the_splits_name_is_the_split(tmp_path: Path) -> None:
    (tmp_path / "val").mkdir()
    folder, belongs = divided(tmp_path, "val", 0.0)
    assert folder == tmp_path / "val"
    assert all(map(belongs, NAMES))


@pytest.mark.parametrize(
    ("split", "share", "message"),
    [
        ("train", 0.0, "no split 'train'; expected 'test', 'train' with the option train_share"),
        ("val", 0.5, "no split 'val'"),
        ("test", 1.0, "train_share is 1.0; expected a share"),
        ("test", -0.1, "train_share is -0.1"),
    ],
)
def test_a_split_that_there_is_not_is_refused(tmp_path: Path, split: str, share: float, message: str) -> None:
    with pytest.raises(UserFault, match=message):
        divided(tmp_path, split, share)
