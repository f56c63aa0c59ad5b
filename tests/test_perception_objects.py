"""What is replied where the objects are known: views, "this", and the boxes and towers of NLVR."""

from pathlib import Path

import pytest

from visrep.env.drawn.scene import generate
from visrep.env.faults import UserFault
from visrep.env.perception import View, objects, scene
from visrep.env.perception.picture import Picture
from visrep.env.types import Box, Scene, SceneObject

RED = SceneObject("0", "circle", Box(10, 10, 30, 30), ("red", "small"))
BLUE = SceneObject("1", "square", Box(60, 60, 100, 100), ("blue", "large"))
PINK = SceneObject("2", "circle", Box(110, 10, 130, 30), ("pink", "small"))
TRIO = Scene(140, 140, (RED, BLUE, PINK))
ALL = Box(0, 0, 140, 140)


def _found(view: Box, name: str, of: Scene = TRIO) -> set[Box]:
    return {detection.box for detection in objects.find(of, view, name)}


def _said(view: Box, question: str, of: Scene = TRIO) -> str:
    return objects.query(of, view, question, None).text


def test_find_wants_every_word() -> None:
    assert _found(ALL, "circle") == {RED.box, PINK.box}
    assert _found(ALL, "red circles") == {RED.box}
    assert _found(ALL, "object") == {RED.box, BLUE.box, PINK.box}
    assert _found(ALL, "red square") == set()
    assert _found(ALL, "unicorn") == set()
    assert _found(ALL, "circle left of the square") == set()


def test_an_object_is_in_a_view_if_its_centre_is_and_is_clipped_to_it() -> None:
    assert _found(Box(21, 0, 140, 140), "red") == set()
    assert _found(Box(15, 5, 140, 140), "red") == {Box(15, 10, 30, 30)}


def test_the_order_of_detections_follows_neither_place_nor_size() -> None:
    firsts = {"leftmost": 0, "lowest": 0, "largest": 0}
    scenes = [generate(f"order {number}") for number in range(200)]
    for drawn in scenes:
        found = [detection.box for detection in objects.find(drawn, Box(0, 0, drawn.width, drawn.height), "object")]
        firsts["leftmost"] += found[0] == min(found, key=lambda box: box.left)
        firsts["lowest"] += found[0] == min(found, key=lambda box: box.lower)
        firsts["largest"] += found[0] == max(found, key=lambda box: box.right - box.left)
    # With 3 to 9 objects, chance puts any given one first in about 19 % of the scenes.
    assert all(0.1 < number / len(scenes) < 0.3 for number in firsts.values()), firsts


def test_this_is_the_object_the_view_shows() -> None:
    assert _said(RED.box, "What color is this?") == "red"
    assert _said(Box(0, 0, 50, 50), "What color is this?") == "red"  # the only one there
    assert _said(Box(55, 55, 105, 105), "What is this?") == "square"
    assert _said(BLUE.box, "Is it blue?") == "yes"
    assert _said(BLUE.box, "Is this a circle or a square?") == "square"


def test_this_is_nothing_in_a_view_of_several_that_differ() -> None:
    assert _said(ALL, "What color is this?") == "unknown"
    assert _said(ALL, "What size is the circle?") == "small"  # both are
    assert objects.match(TRIO, ALL, ("red", "blue", "circle")) == (0.0, 0.0, 0.0)


def test_a_question_names_what_it_is_about() -> None:
    assert _said(ALL, "What color is the square?") == "blue"
    assert _said(ALL, "What color is the circle?") == "unknown"
    assert _said(ALL, "Is the square red or blue?") == "blue"
    assert _said(ALL, "What color is the triangle?") == "unknown"


def test_it_counts_and_tells_what_there_is() -> None:
    assert _said(ALL, "How many circles are there?") == "2"
    assert _said(ALL, "How many objects are there?") == "3"
    assert _said(ALL, "Is there a red circle?") == "yes"
    assert _said(ALL, "Are there any dogs?") == "no"
    assert _said(ALL, "Is there a circle left of the square?") == "unknown"


def test_match_takes_every_word_of_the_text() -> None:
    texts = ("red circle", "small object", "blue circle", "dog", "circle left of a square")
    assert objects.match(TRIO, RED.box, texts) == (1.0, 1.0, 0.0, 0.0, 0.0)


def test_choices_are_answered_with_one_of_them() -> None:
    answer = objects.query(TRIO, RED.box, "What color is this?", ("Blue", "Red"))
    assert (answer.text, answer.likelihoods) == ("Red", (0.0, 1.0))
    assert objects.query(TRIO, RED.box, "Why?", ("a blue thing", "a red thing")).text == "a red thing"
    unsure = objects.query(TRIO, ALL, "Why?", ("one way", "another"))
    assert (unsure.text, unsure.likelihoods) == ("one way", (0.5, 0.5))


def test_names_and_attributes_of_photographs_are_words_too() -> None:
    dog = SceneObject("7", "dog", Box(0, 0, 50, 50), ("brown", "long haired"))
    photograph = Scene(200, 200, (dog, SceneObject("8", "tennis racket", Box(100, 100, 150, 190), ())))
    assert _found(Box(0, 0, 200, 200), "brown dogs", photograph) == {dog.box}
    assert _found(Box(0, 0, 200, 200), "long haired dog", photograph) == {dog.box}
    assert len(_found(Box(0, 0, 200, 200), "tennis racket", photograph)) == 1
    assert _said(dog.box, "What is this?", photograph) == "dog"
    assert _said(dog.box, "Is the dog brown?", photograph) == "yes"


def _block(left: float, lower: float, colour: str) -> SceneObject:
    return SceneObject(f"{left} {lower}", "square", Box(left, lower, left + 20, lower + 20), (colour, "medium"))


TOWERS = Scene(400, 100, (_block(40, 0, "blue"), _block(40, 21, "blue"), _block(190, 0, "black")))
LOOSE = Scene(
    400, 100, (_block(40, 0, "blue"), _block(70, 50, "blue"), _block(190, 0, "black"), _block(190, 21, "black"))
)


def _through_scene(of: Scene, name: str) -> set[Box]:
    picture = Picture(Path("never opened.png"), of)
    (found,) = scene.load().find([View(picture, Box(0, 0, 400, 100))], [name])
    return {detection.box for detection in found}


def test_nlvr_has_boxes_and_towers() -> None:
    assert _through_scene(TOWERS, "box") == {Box(0, 0, 100, 100), Box(150, 0, 250, 100), Box(300, 0, 400, 100)}
    assert _through_scene(TOWERS, "towers") == {Box(40, 0, 60, 41), Box(190, 0, 210, 20)}


def test_a_lone_block_is_no_tower_where_others_lie_about() -> None:
    assert _through_scene(LOOSE, "tower") == {Box(190, 0, 210, 41)}


def test_boxes_and_towers_are_meant_only_where_they_are_named() -> None:
    assert len(_through_scene(TOWERS, "object")) == 3
    assert _through_scene(TOWERS, "gray") == set()
    backend, picture = scene.load(), Picture(Path("never opened.png"), TOWERS)
    tower, box = View(picture, Box(40, 0, 60, 41)), View(picture, Box(0, 0, 100, 100))
    assert backend.query([tower], ["What color is this?"], [None])[0].text == "blue"
    assert backend.match([tower, box, box], [("tower",), ("box",), ("tower",)]) == [(1.0,), (1.0,), (0.0,)]


def test_a_picture_without_annotation_is_refused() -> None:
    with pytest.raises(UserFault, match="no annotated scene"):
        scene.load().find([View(Picture(Path("plain.png")), ALL)], ["circle"])


def test_noise_is_a_share_of_the_replies() -> None:
    with pytest.raises(UserFault, match="share"):
        scene.load(noise=1.5)
