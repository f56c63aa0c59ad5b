"""The visual API as programs use it, inside the sandbox, with scripted perception; and as text for the prompt."""

import inspect
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from visrep.env import image_patch
from visrep.env.perception import Answer, Detection, View
from visrep.env.perception.service import Service
from visrep.env.types import Box

WHOLE = Box(0, 0, 120, 80)


def values(run: Any, *expressions: str) -> list[Any]:
    """The expressions' values in one program; `left`, `middle` and `right` are the three strips that `find` gives."""
    body = f"left, middle, right = image.find('cup')\nreturn [{', '.join(expressions)}]"
    execution = run.body(body)
    assert execution.outcome == "ok", execution.message
    result: list[Any] = execution.value
    return result


def test_a_patch_has_its_edges_size_and_centre_with_the_origin_at_the_bottom_left(run: Any) -> None:
    edges = "image.left, image.lower, image.right, image.upper"
    assert values(run, edges, "image.width", "image.height") == [0, 0, 120, 80, 120, 80]
    assert values(run, "image.horizontal_center", "image.vertical_center") == [60, 40]


def test_found_patches_are_in_the_whole_images_frame_even_inside_a_patch(run: Any) -> None:
    assert values(run, "[p.left for p in right.find('cup')]", "[p.right for p in image.find('cup')]") == [
        pytest.approx([80, 80 + 40 / 3, 80 + 80 / 3]),
        [40, 80, 120],
    ]


def test_nothing_found_is_an_empty_list(run: Any) -> None:
    assert values(run, "image.find('unicorn')", "image.exists('unicorn')", "image.exists('cup')") == [[], False, True]


def test_questions_are_passed_on(run: Any) -> None:
    assert values(
        run, "image.simple_query('color?')", "image.simple_query()", "image.compute_depth()", "image.llm_query('?')",
        "llm_query('?', long_answer=False)",
    ) == ["red", "red", 2.5, "red", "red"]  # fmt: skip


def test_a_property_holds_above_the_threshold(run: Any) -> None:
    assert values(run, "image.verify_property('cup', 'red')", "image.verify_property('cup', 'blue')") == [True, False]


def test_the_best_text_wins_and_a_prefix_goes_before_each(run: Any) -> None:
    assert values(
        run, "image.best_text_match(['a cup', 'red cup'])", "image.best_text_match(('red', 'a'))",
        "image.best_text_match(['cup', 'mug'], prefix='red')",
    ) == ["red cup", "red", "cup"]  # fmt: skip


class Ranks:
    """Perception that likes what is on the right."""

    identity = "ranks"

    def find(self, views: Sequence[View], names: Sequence[str]) -> list[tuple[Detection, ...]]:
        halves = (Box(0, 0, 60, 80), Box(60, 0, 120, 80))
        return [tuple(Detection(box, 1.0) for box in halves) for _ in views]

    def match(self, views: Sequence[View], texts: Sequence[tuple[str, ...]]) -> list[tuple[float, ...]]:
        return [tuple(view.box.left / 1000 for _ in group) for view, group in zip(views, texts, strict=True)]

    def query(self, views: Sequence[View], questions: Sequence[str], choices: Any) -> list[Answer]:
        return [Answer("") for _ in views]

    def depth(self, views: Sequence[View]) -> list[float]:
        return [0.0 for _ in views]


def test_the_best_image_is_the_one_that_the_texts_match_best(run: Any) -> None:
    body = (
        "patches = image.find('cup') + [image.crop(0, 0, 0, 0)]\n"
        "best = best_image_match(patches, ['a', 'b'])\n"
        "return [best is patches[1], best_image_match(patches, 'a', return_index=True), "
        "str(best_image_match([], ['a']))]"
    )
    job = run.job(f"def execute_command(image):\n    {body.replace(chr(10), chr(10) + '    ')}")
    ((_, execution),) = run.sandbox.run([job], Service(Ranks()).answer)
    assert execution.value == [True, 1, "None"]


def test_a_crop_is_clipped_to_the_patch(run: Any) -> None:
    corners = "[(p.left, p.lower, p.right, p.upper) for p in (image.crop(-5, 10, 500, 60), middle.crop(0, 0, 60, 500))]"
    assert values(run, corners)[0] == [[0, 10, 120, 60], [40, 0, 60, 80]]


def test_what_lies_beside_a_box(run: Any) -> None:
    sides = ["left_of_bbox", "right_of_bbox", "above_bbox", "below_bbox"]
    expressions = [
        f"[(p.left, p.lower, p.right, p.upper) for p in [image.crop_{side}(30, 20, 50, 60)]][0]" for side in sides
    ]
    assert values(run, *expressions) == [[0, 0, 30, 80], [50, 0, 120, 80], [0, 60, 120, 80], [0, 0, 120, 20]]


def test_what_lies_beside_a_box_outside_the_patch_is_all_or_nothing(run: Any) -> None:
    assert values(
        run, "middle.crop_left_of_bbox(0, 0, 10, 10).width", "middle.crop_right_of_bbox(0, 0, 10, 10).width",
        "middle.crop_right_of_bbox(100, 0, 120, 10).width", "middle.crop_above_bbox(0, 90, 9, 99).height",
    ) == [0, 40, 0, 0]  # fmt: skip


def test_nothing_is_in_an_empty_patch_and_nothing_can_be_asked_about_it(run: Any) -> None:
    empty = "image.crop_left_of_bbox(0, 0, 10, 10)"
    assert values(
        run, f"{empty}.find('cup')", f"{empty}.exists('cup')", f"{empty}.verify_property('cup', 'red')"
    ) == [[], False, False]  # fmt: skip
    execution = run.body(f"return {empty}.simple_query('what?')")
    assert (execution.outcome, execution.message) == ("runtime_error", "ValueError: simple_query: the patch is empty")


def test_both_ways_of_beginning_a_program_work(run: Any) -> None:
    assert values(run, "ImagePatch(image) is image", "ImagePatch(image, 10, 20, 30, 40).upper") == [True, 40]
    assert run.body("return ImagePatch('image.png')").message.startswith("TypeError: ImagePatch: image should be")


def test_overlap_and_distance_between_edges(run: Any) -> None:
    assert values(
        run, "left.overlaps_with(30, 0, 50, 10)", "left.overlaps_with(40, 0, 50, 10)", "distance(left, right)",
        "distance(left, middle)", "distance(image, image)", "distance(image.crop(0, 0, 3, 4), image.crop(6, 8, 9, 9))",
    ) == [True, False, 40, 0, -1, 5]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "number"),
    [("3", 3), ("about 3 cups", 3), ("-2.5", -2.5), ("1,234", 1234), ("Two dogs", 2), (".5", 0.5), (7, 7)],
)
def test_numbers_are_read_from_texts(text: str, number: float) -> None:
    assert image_patch.coerce_to_numeric(text) == number


def test_a_text_without_a_number_is_an_error() -> None:
    with pytest.raises(ValueError, match="no number in 'many'"):
        image_patch.coerce_to_numeric("many")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("image.find(3)", "find: object_name should be a text, found 3"),
        ("image.find('  ')", "find: object_name should be a text"),
        ("image.find('x' * 3000)", "find: object_name has 3000 characters; at most 2000"),
        ("image.find(image)", "find: arguments should be texts and finite numbers"),
        ("image.find('x' * 400000)", "find: arguments are too long"),
        ("image.best_text_match([])", "best_text_match: option_list should be a list of 1 to 100 texts"),
        ("image.best_text_match(['a', 2])", "best_text_match: option_list should be a text, found 2"),
        ("image.crop(10, 0, 5, 10)", "crop: left 10 to right 5"),
        ("image.crop(0, 0, True, 10)", "crop: right should be a number of pixels, found True"),
        ("best_image_match([image] * 101, ['a'])", "best_image_match: at most 100 patches"),
        ("image.simple_query(None)", "simple_query: question should be a text, found None"),
    ],
)
def test_wrong_arguments_say_what_was_expected(run: Any, call: str, message: str) -> None:
    execution = run.body(f"return {call}")
    assert execution.outcome == "runtime_error"
    assert message in execution.message


def test_a_program_may_go_on_after_a_wrong_argument_and_the_log_tells(run: Any) -> None:
    execution = run.body("try:\n    image.crop('a', 0, 1, 1)\nexcept Exception:\n    pass\nreturn image.exists('cup')")
    assert execution.value is True
    assert [(call.method, call.error is None) for call in execution.calls] == [("crop", False), ("exists", True)]


def test_the_call_log_holds_what_was_asked_where_and_answered(run: Any) -> None:
    execution = run.body("return image.crop(10, 10, 60, 60).verify_property('cup', 'red')")
    crop, verify = execution.calls
    assert (crop.method, crop.image, crop.box, crop.arguments) == ("crop", 0, WHOLE, (10, 10, 60, 60))
    assert (verify.method, verify.box, verify.arguments, verify.result) == (
        "verify_property", Box(10, 10, 60, 60), ("cup", "red"), True,
    )  # fmt: skip


def test_several_images_are_a_list_and_options_a_list_of_texts(run: Any) -> None:
    program = "def execute_command(images, options):\n    return [len(images), images[0].width, options[1]]"
    execution = run(program, signature="execute_command(images, options)", options=("a", "b"))
    assert execution.value == [1, 120, "b"]


def test_the_api_needs_the_standard_library_only() -> None:
    program = f"import runpy; runpy.run_path({image_patch.__file__!r})"
    assert subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True).returncode == 0


def test_every_member_has_a_short_docstring_and_full_annotations_for_the_prompt() -> None:
    members = [getattr(image_patch, name) for name in image_patch.__all__]
    members += [
        member for name, member in vars(image_patch.ImagePatch).items() if not name.startswith("_") and callable(member)
    ]
    assert len(members) > 15
    for member in members:
        assert member.__doc__, member
        assert len(member.__doc__.splitlines()) == 1, member
        assert len(member.__doc__) <= 120, member
        if not inspect.isclass(member):
            parameters = inspect.signature(member).parameters
            assert {*parameters} - {"self"} | {"return"} == {*member.__annotations__}, member
