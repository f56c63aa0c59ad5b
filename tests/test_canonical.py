import pytest
from hypothesis import given
from hypothesis import strategies as st

from visrep.env.canonical import LONGEST, canonical, form, shape

PLAIN = """def execute_command(image):
    circles = image.find("red circle")
    return str(len(circles))
"""


def test_layout_comments_docstrings_and_names_of_locals_make_no_difference() -> None:
    other = '''def execute_command( picture ):
    """Counts."""
    # all of them
    found=picture.find('red circle')

    return (str(len(found)))'''
    assert canonical(other) == canonical(PLAIN)


@pytest.mark.parametrize(
    "change",
    [
        ("red", "blue"),
        ("find", "exists"),
        ("str(", "int("),
        ("execute_command", "main"),
        ("len(circles)", "len(image)"),
        ("len(circles)", "len(objects)"),
    ],
)
def test_what_changes_behaviour_changes_the_form(change: tuple[str, str]) -> None:
    assert canonical(PLAIN.replace(*change)) != canonical(PLAIN)


def test_locals_are_numbered_in_order_of_appearance() -> None:
    assert canonical(PLAIN) == ("def execute_command(v0):\n    v1 = v0.find('red circle')\n    return str(len(v1))")


def test_the_variables_of_every_construct_are_renamed() -> None:
    program = """def execute_command(image):
    total = 0
    for patch, (left, right) in image:
        total += sum(other.width for other in patch if (seen := other))
    with image as opened:
        try:
            key = lambda one: one.left
        except ValueError as error:
            print(error, seen)
    match total:
        case [first, *rest]:
            return first, rest, key, opened
        case {"a": inner, **more}:
            return inner, more
        case whole:
            return whole, left, right
"""
    form = canonical(program)
    assert form is not None
    names = {"image", "total", "patch", "right", "other", "seen", "opened", "key", "one", "error"}
    names |= {"first", "rest", "inner", "more", "whole"}
    assert not [name for name in names if name in form.replace(".width", "").split()]
    for name in sorted(names):
        renamed = program.replace(name, f"{name}_x")
        assert canonical(renamed) == form, name


def test_a_nonlocal_variable_keeps_its_meaning() -> None:
    program = "def f(image):\n    n = 0\n    def g():\n        nonlocal n\n        n += 1\n    g()\n    return n"
    assert canonical(program) == canonical(program.replace("n = 0", "m = 0").replace("nonlocal n", "nonlocal m")
        .replace("n += 1", "m += 1").replace("return n", "return m"))  # fmt: skip


@pytest.mark.parametrize(
    ("program", "names", "others"),
    [
        # A new name must not meet one that is there: here v0 is a global that is not defined.
        ("def f(image):\n    return {}", ["image"], ["v0"]),
        ("def f(image):\n    return {}", ["v0"], ["v1"]),
        # A builtin in one place and a variable in another.
        ("def g({0}):\n    return {0}\ndef f(a):\n    return {0}(a)", ["max"], ["min"]),
        # Parameters passed by keyword: swapped, they swap the values.
        ("def f(i):\n    g = lambda {0}, {1}: {0} - {1}\n    return g(a=1, b=2)", ["a", "b"], ["b", "a"]),
        # A class's attribute is no variable, though the function around it has one of the same name.
        ("def f(i):\n    {0} = 1\n    class A:\n        x = 2\n    return A.{0}", ["x"], ["y"]),
        ("def f(i):\n    x = 1\n    class A:\n        {0} = 2\n        def g(s):\n            return x", ["x"], ["y"]),
        ("def f(i):\n    import {0}\n    return {0}.pi", ["math"], ["re"]),
    ],
)
def test_names_that_are_not_only_locals_stay(program: str, names: list[str], others: list[str]) -> None:
    assert canonical(program.format(*names)) is not None
    assert canonical(program.format(*names)) != canonical(program.format(*others))


def test_a_form_is_a_program_of_that_form() -> None:
    for program in (PLAIN, "def f(image):\n    return v0", "def f(v1, v0):\n    return v1 + v_0"):
        form = canonical(program)
        assert form is not None
        assert canonical(form) == form


@pytest.mark.parametrize(
    "program",
    [
        "def f(:",
        "return 1\0",
        "x = '\ud800'",
        "-" * 60_000 + "1",
        "a" + ".b" * 30_000,
        "(" * 60_000,
        "x = 0x" + "f" * 60_000,
        "if 1:\n pass\n" + "elif 1:\n pass\n" * 4_000,
        "#" * (LONGEST + 1),
    ],
    ids=["syntax", "nul", "surrogate", "signs", "attributes", "brackets", "hexadecimal", "elif", "long"],
)
def test_a_program_that_cannot_be_parsed_or_printed_has_no_form(program: str) -> None:
    assert canonical(program) is None


@given(st.text(alphabet=st.sampled_from(list("abv0_ =.:()[]{}\n'\"\\\t,+#ifor lambda"))))
def test_no_text_breaks_it(text: str) -> None:
    form = canonical(text)
    assert form is None or canonical(form) == form


_NAMES = st.sampled_from(["a", "b", "c", "v0", "v1", "len"])


@given(st.lists(st.tuples(_NAMES, _NAMES, st.integers(0, 3)), max_size=6), _NAMES, st.integers(0, 3))
def test_the_form_computes_what_the_program_computes(
    lines: list[tuple[str, str, int]], returned: str, start: int
) -> None:
    body = [f"    {to} = {source} * 2 + {number}" for to, source, number in lines]
    program = "\n".join([f"def f({'a'}):", *body, f"    return {returned}"])
    form = canonical(program)
    assert form is not None
    assert _run(form, start) == _run(program, start)


def _run(program: str, start: int) -> object:
    space = {"v0": 5, "b": 7}
    exec(program, space)
    try:
        return repr(space["f"](start))  # type: ignore[operator]
    except Exception as error:
        return type(error)


def test_the_form_of_what_does_not_parse_is_its_text() -> None:
    assert form("def f(x):\n    return x  # it") == "def f(v0):\n    return v0"
    assert form("def f(") == "def f("


def test_programs_of_one_shape_differ_in_words_and_numbers_alone() -> None:
    programs = ["f('a', 1)", 'f("it\'s", 2.5)', "f('a', b)"]
    shapes = [shape(form(program)) for program in programs]
    assert shapes[0] == shapes[1] == "f(_, _)"
    assert shapes[2] == "f(_, b)"
