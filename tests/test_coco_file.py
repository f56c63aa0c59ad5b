import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from visrep.env.faults import UserFault
from visrep.env.formats import coco_file
from visrep.env.types import Box


def image(id: int = 1, **more: Any) -> dict[str, Any]:
    return {"id": id, "file_name": f"{id:012d}.jpg", "width": 100, "height": 80, "license": 3, **more}


def annotation(id: int = 1, image: int = 1, **more: Any) -> dict[str, Any]:
    row = {"id": id, "image_id": image, "category_id": 1, "bbox": [10, 20.5, 30, 40], "area": 1200, "iscrowd": 0}
    return row | {"segmentation": [[10.0, 20.5, 40.0, 60.5]]} | more


CATEGORIES = [{"id": 1, "name": "dog"}, {"id": 17, "name": "traffic light", "supercategory": "outdoor"}]


def content(**lists: Any) -> dict[str, Any]:
    return {"info": {}, "images": [image()], "annotations": [annotation()], "categories": CATEGORIES} | lists


def written(folder: Path, value: Any) -> Path:
    path = folder / "instances.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return path


def test_boxes_are_turned_to_the_bottom_left_frame_of_their_image(tmp_path: Path) -> None:
    rows = [annotation(), annotation(5, 2, category_id=17, iscrowd=1, segmentation={"counts": [1], "size": [80, 100]})]
    read = coco_file.read(written(tmp_path, content(images=[image(2, height=200), image()], annotations=rows)))
    assert list(read.photos) == [2, 1]
    assert read.categories == {1: "dog", 17: "traffic light"}
    (dog,), (crowd,) = read.things[1], read.things[2]
    assert (dog.id, dog.category, dog.box, dog.single) == (1, 1, Box(10, 19.5, 40, 59.5), True)
    assert (crowd.category, crowd.box, crowd.single) == (17, Box(10, 139.5, 40, 179.5), False)


def test_a_scene_has_the_single_things_clipped_to_the_image(tmp_path: Path) -> None:
    rows = [
        annotation(1, bbox=[90, 70, 30, 30], attributes=["red"]),
        annotation(2, bbox=[100, 10, 5, 5]),
        annotation(3, bbox=[3, 3, 0, 2]),
        annotation(4, iscrowd=1),
        annotation(5, category_id=17),
    ]
    read = coco_file.read(written(tmp_path, content(annotations=rows)))
    scene = read.scene(read.photos[1])
    assert (scene.width, scene.height) == (100, 80)
    assert [(thing.id, thing.name, thing.attributes) for thing in scene.objects] == [
        ("1", "dog", ("red",)),
        ("5", "traffic light", ()),
    ]
    assert scene.objects[0].box == Box(90, 0, 100, 10)


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ({"annotations": [annotation(), annotation(2, 404)]}, r"annotations\[1\] .*image_id 404 is none of the images"),
        ({"annotations": [annotation(category_id=3)]}, r"annotations\[0\] .*category_id 3 is none of the categories"),
        (
            {"annotations": [annotation(bbox=[1, 2, 3])]},
            r"annotations\[0\] .*\[1, 2, 3\], expected the left, top, width",
        ),
        ({"annotations": [annotation(bbox=["1", 2, 3, 4])]}, r"annotations\[0\] .*expected the left, top, width"),
        ({"annotations": [annotation(bbox=[1, 2, -3, 4])]}, r"annotations\[0\] .*no negative width or height"),
        ({"annotations": [annotation(bbox=[1, float("nan"), 3, 4])]}, r"annotations\[0\] .*finite numbers"),
        ({"annotations": [{"id": 1}]}, r"annotations\[0\] .*KeyError\('bbox'\)"),
        ({"annotations": ["dog"]}, r"annotations\[0\] .*TypeError"),
        ({"annotations": None}, "has no list of annotations, expected lists of images, annotations, categories"),
        ({"images": [image(), image(2, width=0)]}, r"images\[1\] .*0 by 80 pixels"),
        ({"images": [image() | {"id": "1"}]}, r"images\[0\] .*'1', expected a whole number"),
        ({"images": [image(file_name=" ")]}, r"images\[0\] .*' ', expected a text"),
        ({"images": [image(), image()]}, r"images\[1\] has the id 1 of another row"),
        ({"categories": [{"id": 1, "name": None}]}, r"categories\[0\] .*None, expected a text"),
    ],
)
def test_a_damaged_row_is_one_fault_with_file_and_row(tmp_path: Path, lists: Any, message: str) -> None:
    with pytest.raises(UserFault, match=rf"instances\.json:? {message}") as fault:
        coco_file.read(written(tmp_path, content(**lists)))
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize("text", ["", "[]", "null", "[" * 100_000, json.dumps(content())[:-40], '{"images": [1\x00'])
def test_a_file_that_is_cut_off_or_none_is_one_fault(tmp_path: Path, text: str) -> None:
    with pytest.raises(UserFault, match=r"instances\.json (is cut off or no JSON|has no list of images)") as fault:
        coco_file.read(written(tmp_path, text))
    assert "\n" not in str(fault.value)


def test_bytes_that_are_no_text_are_one_fault(tmp_path: Path) -> None:
    path = tmp_path / "instances.json"
    path.write_bytes(json.dumps(content()).encode().replace(b"dog", b"d\xffg"))
    with pytest.raises(UserFault, match=r"is cut off or no JSON .*utf-8"):
        coco_file.read(path)


def test_outlines_take_no_memory(tmp_path: Path) -> None:
    outline = [[round(0.37 * number, 2) for number in range(400)]]
    rows = [annotation(number, segmentation=outline) for number in range(2000)]
    path = written(tmp_path, content(annotations=rows))
    size = path.stat().st_size
    assert size > 5e6
    tracemalloc.start()
    read = coco_file.read(path)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(read.things[1]) == 2000
    # The text, once as bytes and once decoded; the outlines as numbers would be eight times that.
    assert peak < 2.5 * size
    assert kept < 1.5e6
