"""Sets through Hugging Face `datasets`, as local parquet folders with the columns that they have on the hub."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import datasets
import pytest
from PIL import Image

from visrep.env.drawn import gqa as drawn_gqa
from visrep.env.drawn import nlvr2 as drawn_nlvr2
from visrep.env.drawn import sugarcrepe as drawn_sugarcrepe
from visrep.env.drawn import winoground as drawn_winoground
from visrep.env.faults import UserFault
from visrep.env.formats import hub
from visrep.env.tasks import gqa, nlvr2, sugarcrepe, winoground
from visrep.env.types import Task
from visrep.train import parts
from visrep.train.config import DataSettings

datasets.disable_progress_bars()

TEXT, WHOLE, PICTURE = datasets.Value("string"), datasets.Value("int32"), datasets.Image()


def published(folder: Path, split: str, rows: Sequence[dict[str, Any]], features: dict[str, Any]) -> Path:
    """A folder as the hub has them: a parquet file of the split, images inside it."""
    columns = {name: [row[name] for row in rows] for name in features}
    dataset = datasets.Dataset.from_dict(columns, features=datasets.Features(features))
    (folder / "data").mkdir(parents=True, exist_ok=True)
    dataset.to_parquet(folder / "data" / f"{split}-00000-of-00001.parquet")
    return folder


def pictures(folder: Path, *colours: str) -> list[str]:
    folder.mkdir(exist_ok=True)
    for colour in colours:
        Image.new("RGB", (20, 10), colour).save(folder / f"{colour}.png")
    return [str(folder / f"{colour}.png") for colour in colours]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Three rows, of which two have the same image and one has none."""
    red, blue = pictures(tmp_path / "files", "red", "blue")
    rows = [
        {"id": number, "image": image, "more": [red, blue], "words": ["a", "b"], "label": "no" if number else "yes"}
        for number, image in enumerate((red, red, None))
    ]
    features = {
        "id": WHOLE,
        "image": PICTURE,
        "more": datasets.List(PICTURE),
        "words": datasets.List(TEXT),
        "label": datasets.ClassLabel(names=["yes", "no"]),
    }
    return published(tmp_path / "small", "test", rows, features)


def test_images_become_files_named_by_content_and_labels_names(small: Path, tmp_path: Path) -> None:
    images = tmp_path / "images"
    first, second, third = hub.rows(str(small), "test", images)
    assert (first["id"], first["words"], first["label"], second["label"]) == (0, ["a", "b"], "yes", "no")
    assert first["image"] == second["image"] == first["more"][0]
    assert third["image"] is None
    with Image.open(first["image"]) as image:
        assert (image.size, image.getpixel((0, 0)), Path(first["image"]).parent) == ((20, 10), (255, 0, 0), images)
    assert len(list(images.glob("*.png"))) == 2


def test_the_copy_is_read_from_then_on_wherever_it_was_moved(small: Path, tmp_path: Path) -> None:
    before = list(hub.rows(str(small), "test", tmp_path / "images"))
    files = sorted(path.name for path in (tmp_path / "images").iterdir())
    (tmp_path / "images").rename(tmp_path / "moved")
    script = "import sys; from pathlib import Path; from visrep.env.formats import hub;"
    script += f"rows = list(hub.rows({str(small)!r}, 'test', Path({str(tmp_path / 'moved')!r})));"
    script += "print(len(rows), rows[0]['image'], 'datasets' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    moved = before[0]["image"].replace("images", "moved")
    assert done.stdout.split() == ["3", moved, "False"], "neither the set nor its reader is needed any more"
    assert sorted(path.name for path in (tmp_path / "moved").iterdir()) == files


def test_a_set_that_was_not_gone_through_is_no_copy(small: Path, tmp_path: Path) -> None:
    rows = hub.rows(str(small), "test", tmp_path / "images")
    next(rows)
    rows.close()  # type: ignore[attr-defined]
    assert [path.suffix for path in (tmp_path / "images").iterdir()] == [".png", ".png"]
    assert len(list(hub.rows(str(small), "test", tmp_path / "images"))) == 3


def test_a_folder_that_changed_is_copied_anew(small: Path, tmp_path: Path) -> None:
    assert len(list(hub.rows(str(small), "test", tmp_path / "images"))) == 3
    published(small, "test", [{"id": 9}], {"id": WHOLE})
    assert list(hub.rows(str(small), "test", tmp_path / "images")) == [{"id": 9}]


def test_only_named_columns_are_taken(small: Path, tmp_path: Path) -> None:
    rows = list(hub.rows(str(small), "test", tmp_path / "images", columns=("id", "label")))
    assert rows[0] == {"id": 0, "label": "yes"}
    assert [path.suffix for path in (tmp_path / "images").iterdir()] == [".jsonl"]


def test_a_folder_of_image_files_is_read_too(tmp_path: Path) -> None:
    pictures(tmp_path / "folder", "red", "blue")
    metadata = '{"file_name": "red.png", "text": "r"}\n{"file_name": "blue.png", "text": "b"}\n'
    (tmp_path / "folder" / "metadata.jsonl").write_text(metadata)
    rows = list(hub.rows(str(tmp_path / "folder"), "train", tmp_path / "images"))
    assert [row["text"] for row in rows] == ["r", "b"]
    assert Path(rows[1]["image"]).read_bytes() == (tmp_path / "folder" / "blue.png").read_bytes()


@pytest.mark.parametrize(
    ("name", "split", "more", "reason"),
    [
        ("small", "tst", {}, "Bad split: tst"),
        ("nothing", "test", {}, "nothing"),
        ("small", "test", {"columns": ("colour",)}, "colour"),
        ("small", "test", {"config": "balanced"}, "balanced"),
    ],
)
def test_what_is_not_there_is_one_line_at_once(
    small: Path, tmp_path: Path, name: str, split: str, more: dict[str, Any], reason: str
) -> None:
    with pytest.raises(UserFault) as fault:
        hub.rows(str(tmp_path / name), split, tmp_path / "images", **more)
    assert reason in str(fault.value)
    assert "\n" not in str(fault.value)


def test_a_damaged_set_is_one_line(small: Path, tmp_path: Path) -> None:
    (small / "data" / "test-00000-of-00001.parquet").write_bytes(b"PAR1 and nothing else")
    with pytest.raises(UserFault, match=r"split 'test' of .* cannot be read \(.*[Pp]arquet"):
        list(hub.rows(str(small), "test", tmp_path / "images"))


def test_an_image_that_is_none_is_one_line_with_its_row(tmp_path: Path) -> None:
    rows = [{"image": {"bytes": b"no image", "path": None}}]
    folder = published(tmp_path / "broken", "test", rows, {"image": PICTURE})
    with pytest.raises(UserFault, match="row 1 has an image that cannot be read"):
        list(hub.rows(str(folder), "test", tmp_path / "images"))


def test_a_missing_network_is_one_line(tmp_path: Path) -> None:
    script = "from pathlib import Path; from visrep.env.faults import UserFault; from visrep.env.formats import hub\n"
    script += "try: hub.rows('facebook/winoground', 'test', Path('images'))\nexcept UserFault as fault: print(fault)"
    settings = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}  # without it, asking again takes 20 s
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=settings, check=True)
    assert len(done.stdout.splitlines()) == 1
    assert done.stdout.startswith("split 'test' of 'facebook/winoground' cannot be read (")
    assert "takes a network" in done.stdout


def alike(one: Task, other: Task) -> bool:
    """Whether two tasks ask and answer the same of the same pictures, whatever the files are called."""
    pairs = list(zip(one.instances, other.instances, strict=True))
    return one.question == other.question and all(
        mine.answers == yours.answers
        and [path.read_bytes() for path in mine.images] == [path.read_bytes() for path in yours.images]
        for mine, yours in pairs
    )


def test_winoground_on_the_hub_is_winoground_in_files(tmp_path: Path) -> None:
    drawn_winoground.draw(tmp_path / "drawn", seed=1, tasks_per_category={"test": 2}, instances=1)
    drawn = tmp_path / "drawn" / "test"
    rows = [json.loads(line) for line in (drawn / "data" / "examples.jsonl").read_text().splitlines()]
    for row, key in product(rows, ("image_0", "image_1")):
        row[key] = str(drawn / "images" / f"{row[key]}.png")
    features = dict.fromkeys(rows[0], TEXT) | {"id": WHOLE, "num_main_preds": WHOLE}
    folder = published(tmp_path / "hub", "test", rows, features | {"image_0": PICTURE, "image_1": PICTURE})
    for kind in ("match", "verify"):
        files = winoground.load(tmp_path / "drawn", "test", kind=kind)
        copied = winoground.load(tmp_path / "root", "test", kind=kind, hub=str(folder))
        assert all(alike(*tasks) for tasks in zip(files, copied, strict=True))


def test_sugarcrepe_on_the_hub_is_sugarcrepe_in_files(tmp_path: Path) -> None:
    drawn_sugarcrepe.draw(tmp_path / "drawn", seed=1, tasks_per_category={"test": 2}, instances=1)
    drawn, items = tmp_path / "drawn" / "test", []
    for category in sugarcrepe.TYPES:
        own = list(json.loads((drawn / f"{category}.json").read_text()).values())
        names = sorted({caption for item in own for caption in (item["caption"], item["negative_caption"])})
        rows = [
            {
                "image": str(drawn / "val2017" / item["filename"]),
                "tested_labels": [item["caption"], item["negative_caption"]],
                "true_label": item["caption"],
            }
            for item in own
        ]
        labels = {"tested_labels": datasets.List(TEXT), "true_label": datasets.ClassLabel(names=names)}
        published(tmp_path / "hub" / f"SugarCrepe_{category}", "test", rows, {"image": PICTURE, **labels})
        items += [(category, row) for row in rows]
    copied = list(sugarcrepe.load(tmp_path / "root", "test", hub=str(tmp_path / "hub" / "SugarCrepe_*")))
    for task, (category, row) in zip(copied, items, strict=True):
        assert task.question.category == category
        assert set(task.question.options) == set(row["tested_labels"])
        assert task.instances[0].answers == (row["true_label"],)
        assert task.instances[0].images[0].read_bytes() == Path(row["image"]).read_bytes()


@pytest.mark.parametrize("key", ["identifier", "question_id"])
def test_nlvr2_on_the_hub_is_nlvr2_in_files(tmp_path: Path, key: str) -> None:
    drawn_nlvr2.draw(tmp_path / "drawn", seed=1, tasks_per_category={"dev": 2}, instances=2)
    rows = []
    for line in (tmp_path / "drawn" / "dev.json").read_text().splitlines():
        row = json.loads(line)
        name = tmp_path / "drawn" / "dev" / row["identifier"].rpartition("-")[0]
        images = {"left_image": f"{name}-img0.png", "right_image": f"{name}-img1.png"}
        rows.append({key: row["identifier"], "question": row["sentence"], "answer": row["label"], **images})
    features = {key: TEXT, "question": TEXT, "answer": TEXT, "left_image": PICTURE, "right_image": PICTURE}
    folder = published(tmp_path / "hub", "balanced_dev", rows, features)
    copied = nlvr2.load(tmp_path / "root", "balanced_dev", hub=str(folder))
    for mine, yours in zip(copied, nlvr2.load(tmp_path / "drawn", "dev"), strict=True):
        assert mine.split == "balanced_dev"
        assert alike(replace(mine, question=yours.question), yours)
        assert (mine.question.text, mine.question.signature) == (yours.question.text, yours.question.signature)


GQA_SET = """
configs:
- config_name: testdev_balanced_images
  data_files: [{split: testdev, path: testdev_balanced_images/data/*}]
- config_name: testdev_balanced_instructions
  data_files: [{split: testdev, path: testdev_balanced_instructions/data/*}]
"""


def test_gqa_on_the_hub_is_gqa_in_files(tmp_path: Path) -> None:
    drawn_gqa.draw(tmp_path / "drawn", seed=1, tasks_per_category={"testdev": 1}, instances=2)
    questions = json.loads((tmp_path / "drawn" / "testdev_balanced_questions.json").read_text())
    types = dict.fromkeys(("structural", "semantic", "detailed"), TEXT)
    keys = ("imageId", "question", "answer", "types", "fullAnswer", "isBalanced")
    rows = [{"id": name, **{key: row[key] for key in keys}} for name, row in questions.items()]
    features = dict.fromkeys(("id", "imageId", "question", "answer", "fullAnswer"), TEXT)
    features |= {"types": types, "isBalanced": datasets.Value("bool")}
    published(tmp_path / "hub" / "testdev_balanced_instructions", "testdev", rows, features)
    images = [{"id": path.stem, "image": str(path)} for path in (tmp_path / "drawn" / "images").glob("*.png")]
    published(tmp_path / "hub" / "testdev_balanced_images", "testdev", images, {"id": TEXT, "image": PICTURE})
    (tmp_path / "hub" / "README.md").write_text(f"---{GQA_SET}---\n")
    for instances in (1, 2):
        files = list(gqa.load(tmp_path / "drawn", "testdev", instances=instances))
        copied = list(gqa.load(tmp_path / "root", "testdev", instances=instances, hub=str(tmp_path / "hub")))
        assert len(files) == len(copied)
        assert all(alike(*tasks) for tasks in zip(files, copied, strict=True))
    with pytest.raises(UserFault, match="cannot be read"):
        gqa.load(tmp_path / "root", "val", hub=str(tmp_path / "hub"))


def test_a_recipe_makes_the_folder_that_a_set_from_the_hub_is_kept_in(small: Path, tmp_path: Path) -> None:
    data = DataSettings(dataset="winoground", root=str(tmp_path / "new" / "root"), options={"hub": str(small)})
    with pytest.raises(UserFault, match="row 1: found caption_0 None"):  # it is read, and is another set
        parts.reader(data, "test")()
    assert (tmp_path / "new" / "root" / "images").is_dir()
    without = DataSettings(dataset="winoground", root=str(tmp_path / "none"))
    with pytest.raises(UserFault, match="is no folder"):
        parts.reader(without, "test")
