"""Inside a program's process: the same in every run, complete under the lock, traced without being asked anything."""

from typing import Any

from visrep.env.perception.picture import Picture
from visrep.env.sandbox import Job, Limits, Sandbox


def test_non_ascii_names_compile_under_the_lock(run: Any) -> None:
    assert run("def execute_command(bild):\n    größe = 'ja'\n    return größe").value == "ja"


def test_what_the_standard_library_imports_late_is_there(run: Any) -> None:
    body = """
import collections, functools, itertools, math, random, re, statistics, string
@functools.singledispatch
def kind(value): return 'any'
kind.register(int, lambda value: 'int')
Point = collections.namedtuple('Point', 'x y')
done = [
    collections.Counter('aab').most_common(1)[0][0], kind(3), Point(1, 2).y, next(itertools.count(3)), math.comb(4, 2),
    statistics.mode([1, 1, 2]), statistics.stdev([1, 2, 3]), statistics.quantiles([1, 2, 3, 4])[1],
    statistics.NormalDist().cdf(0), random.Random(1).choice('a'), len(random.sample(range(9), 3)),
    string.Template('$a').substitute(a=1), string.Formatter().format('{:>3}', 1), f'{1234567:,}', f'{3:n}',
    'é'.encode('latin-1').decode('latin-1'), 'bücher'.encode('idna').decode(), 'é'.encode('utf-16')[:2].hex(),
    sorted([2, 1], key=functools.cmp_to_key(lambda a, b: a - b))[0], re.sub('(?i)A', 'b', 'aA'),
    '\\N{BULLET}', str(re.compile('a', re.I).flags), 'ß'.casefold(), repr(re.compile('a', re.I)),
]
return [str(item) for item in done]"""
    execution = run.body(body)
    assert execution.outcome == "ok", execution.message
    assert execution.value[:2] == ["a", "int"]


def test_a_bad_coordinate_is_the_programs_own_fault(run: Any) -> None:
    for bad in ("float('nan')", "float('inf')", "10 ** 400", "10 ** 6000", "image", "None", "True", "[[[0]]]"):
        execution = run.body(f"image.crop(0, 0, {bad}, 10)")
        assert execution.outcome == "runtime_error", bad
        assert execution.line is not None


def test_hash_order_is_the_same_in_every_process_and_after_every_start(run: Any) -> None:
    body = "return [sorted({'a', 'b', 'c'}, key=hash), '-'.join({'a%d' % i for i in range(20)}), hash('x')]"
    with Sandbox() as other:
        values = [run.body(body).value, run.body(body).value, run.within(other).body(body).value]
    assert values[0] == values[1] == values[2]


def test_patches_in_a_set_have_the_same_order_in_every_process(run: Any) -> None:
    body = "junk = [object() for _ in range(load('os').getpid() % 97)]\nreturn [p.left for p in set(image.find('cup'))]"
    with Sandbox() as other:
        assert run.body(body).value == run.within(other).body(body).value


def test_random_numbers_follow_the_seed(run: Any) -> None:
    first, again, other = (run.body("import random\nreturn random.random()", seed=seed).value for seed in (1, 1, 2))
    assert first == again != other


def test_running_out_of_memory_while_holding_it_all_is_still_told(blank_picture: Picture) -> None:
    program = """
def execute_command(image):
    hoard = []
    size = 2 ** 26
    while size:
        try:
            hoard.append(bytearray(size))
        except MemoryError:
            size //= 2
    return hoard[0][:1] * 2 ** 29"""
    with Sandbox(Limits(cpu_seconds=20, memory_mb=512)) as sandbox:  # filling it takes long on a busy machine
        ((_, execution),) = sandbox.run([Job(0, program, (blank_picture,))], lambda requests: [])
    assert execution.outcome == "memory"


def test_halves_of_surrogate_pairs_do_not_reach_the_hosts_records(run: Any) -> None:
    run.body("return '\\ud800'").value.encode()
    run.body("raise ValueError('\\ud800')").message.encode()
    execution = run.body("image.find('cup\\ud800')")
    assert execution.outcome == "runtime_error"
    repr(execution.calls).encode()


def test_a_trace_tells_what_changed_on_each_line(run: Any) -> None:
    program = "def execute_command(image):\n    n = 1\n    for p in image.find('cup'):\n        n += 1\n    return n"
    trace = run(program, trace=True).trace
    assert trace is not None
    assert trace[0] == [2, {"image": "ImagePatch(0, 0, 120, 80)"}]
    assert [changed["n"] for _, changed in trace if "n" in changed] == ["1", "2", "3", "4"]
    assert run(program).trace is None


def test_a_trace_survives_what_is_made_to_break_it(run: Any) -> None:
    body = """
class Loud:
    def __repr__(self): return [0 for _ in iter(int, 1)]
    __str__ = __len__ = __iter__ = __getattribute__ = __repr__
shared = ['x']
for _ in range(40):
    shared = [shared, shared]
loud, big, deep = Loud(), 10 ** 10 ** 5, {1: {2: {3: {4: 5}}}}
image.left = loud
return 'alive'"""
    execution = run.body(body, trace=True)
    assert execution.value == "alive"
    assert execution.trace is not None
    shown = {name: text for _, changed in execution.trace for name, text in changed.items()}
    assert (shown["loud"], shown["big"]) == ("<Loud>", "<int of 332193 bits>")
    assert all(len(text) <= 400 for text in shown.values())


def test_an_endless_loop_has_a_trace_of_its_beginning(run: Any) -> None:
    execution = run.body("n = 0\nwhile True:\n    n += 1", trace=True)
    assert execution.outcome == "timeout"
    assert execution.trace is not None
    assert 100 < len(execution.trace) <= 256


def test_switching_the_trace_off_changes_no_outcome(run: Any) -> None:
    assert run.body("load('sys').settrace(None)\nreturn 'untraced'", trace=True).value == "untraced"
