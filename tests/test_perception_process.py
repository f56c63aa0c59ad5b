"""Perception in a process of its own: real processes, real sockets, a backend from a Python file that can be told to
sleep, break or die by what it is asked to find."""

import itertools
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from visrep.env.drawn.scene import generate, render
from visrep.env.environment import Environment
from visrep.env.faults import Fault, MachineFault, UserFault
from visrep.env.perception import Answer, Request, View, wire
from visrep.env.perception.picture import Picture
from visrep.env.perception.process import Address
from visrep.env.perception.remote import MOST_RESTARTS, Remote
from visrep.env.perception.service import Service
from visrep.env.rollouts import to_json
from visrep.env.types import Box, Instance, Question, Task
from visrep.train import parts
from visrep.train.config import Recipe, load_recipe

EYES = '''
import json, os, signal, sys, time
from pathlib import Path

from visrep.env.faults import UserFault
from visrep.env.perception import scripted


class Eyes(scripted.Scripted):
    """Notes each batch, and does what the name of an object says: sleep, die, hang, break, odd."""

    def __init__(self, folder):
        super().__init__(3, ("unicorn",), "red", ("red",), 2.5)
        self.identity = "eyes"
        self.folder = Path(folder)

    def find(self, views, names):
        with (self.folder / "batches").open("a") as file:
            file.write(json.dumps([os.getpid(), *names]) + "\\n")
        for name in names:
            verb, _, rest = name.partition(" ")
            if verb == "sleep":
                time.sleep(float(rest))
            if verb == "die" or (verb in ("once", "hang") and self.first(name)):
                time.sleep(20) if verb == "hang" else os.kill(os.getpid(), 9)
            if verb == "break" or (verb == "large" and len(names) > 1):
                raise RuntimeError("CUDA error: device-side assert")
        return super().find(views, names)

    def depth(self, views):
        return [object() for _ in views]

    def first(self, name):
        marker = self.folder / name
        if marker.exists():
            return False
        marker.touch()
        return True


def load(folder, fails=""):
    print("eyes are on cuda:7", file=sys.stderr)
    print("\\rloading 50 %\\rloading 100 %", file=sys.stderr)
    if fails == "user":
        raise UserFault("no weights in the folder; fetch them")
    if fails == "model":
        raise RuntimeError("no kernel image\\nis available")
    if fails == "hard":
        print("libcuda.so is missing", file=sys.stderr, flush=True)
        os._exit(3)
    return Eyes(folder)
'''

RECIPE = """
data = { dataset = "gqa", root = "nowhere" }
prompt = { api = ["ImagePatch.find"], examples = "drawn" }
sandbox = { parallel = 4 }
perception = { backend = "eyes.py", options = { folder = "." }, batch = 8 }
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "eyes.py").write_text(EYES)
    (tmp_path / "recipe.toml").write_text(RECIPE)
    Image.new("RGB", (30, 20), (128, 128, 128)).save(tmp_path / "grey.png")
    return tmp_path


def recipe(*changes: str) -> Recipe:
    return load_recipe("recipe.toml", changes)


@pytest.fixture
def service(folder: Path) -> Iterator[Service]:
    with closing(parts.build_service(recipe())) as made:
        yield made


def view(path: str = "grey.png") -> View:
    return View(Picture(Path(path)), Box(0, 0, 30, 20))


def find(*names: str) -> list[Request]:
    seen = view()
    return [Request("find", seen, (name,)) for name in names]


def found(service: Service, *names: str) -> list[int]:
    """How many of each are found: three, unless the backend is told something else."""
    return [len(reply) for reply in service.answer(find(*names))]


def batches(folder: Path) -> list[list[str]]:
    """What was asked at once, from the first batch on."""
    with suppress(FileNotFoundError):
        return [json.loads(line)[1:] for line in (folder / "batches").read_text().splitlines()]
    return []


def servers(folder: Path) -> list[int]:
    """Numbers of the processes that were asked, in order, each once."""
    lines = (folder / "batches").read_text().splitlines()
    return list(dict.fromkeys(json.loads(line)[0] for line in lines))


def until(true: Callable[[], Any], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


# -- replies ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["scripted", "scene", "shapes"])
def test_replies_are_those_of_the_same_backend_inside(folder: Path, backend: str) -> None:
    requests = []
    for number in range(3):
        drawn = generate(f"process {number}")
        render(drawn).save(f"{number}.png")
        picture = Picture(Path(f"{number}.png"), drawn)
        for box in (Box(0, 0, drawn.width, drawn.height), Box(10.25, 40.5, 120.75, 200), drawn.objects[0].box):
            seen = View(picture, box)
            requests += [
                Request("find", seen, ("circle",)),
                Request("query", seen, ("What color is this?", None)),
                Request("query", seen, ("What color is this?", ("blue", "red"))),
                Request("match", seen, (("red circle", "blue square"),)),
                Request("depth", seen, ()),
            ]
    requests.append(Request("complete", None, ("Say red.",)))
    told = {}
    for place in ("inside", "process"):
        changes = [f"perception.backend={backend}", "perception.options={}", f"perception.place={place}"]
        with closing(parts.build_service(recipe(*changes))) as made:
            told[place] = made.identity, repr(made.answer(requests))
    assert told["inside"] == told["process"]


def test_a_picture_is_sent_once(service: Service, folder: Path) -> None:
    """Spoken by hand: what the service asks for, and what it does not."""
    remote = service._models
    assert isinstance(remote, Remote)
    with remote._origin.connect() as connection:
        reader, pending = wire.Reader(), []

        def hear() -> Any:
            while not pending:
                pending.extend(value for value, _ in reader.take(connection.recv(65536)))
            return pending.pop(0)

        assert hear()["identity"] == "eyes"
        question = wire.message(wire.question("find", find("cup", "dog")))
        connection.sendall(question)
        assert hear() == {"send": [view().picture.fingerprint]}
        connection.sendall(wire.picture_message(view().picture))
        assert len(hear()["replies"]) == 2
        connection.sendall(question)
        assert len(hear()["replies"]) == 2


def test_where_models_are_is_told_when_they_have_started(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parts.build_service(recipe()).close()
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("perception 'eyes.py' is in process ")
    assert second == "eyes are on cuda:7"


def test_a_reply_that_cannot_be_sent_is_a_machines_fault(service: Service) -> None:
    with pytest.raises(MachineFault, match=r"a reply to depth cannot be stored \(.*object.*\)"):
        service.answer([Request("depth", view(), ())])
    assert found(service, "cup") == [3]


# -- batches ------------------------------------------------------------------------------------------------------


@pytest.fixture
def address(folder: Path) -> Iterator[str]:
    """A service that was started by hand."""
    address = f"unix:{folder}/socket"
    command = [sys.executable, "-m", "visrep.train.perceive", "recipe.toml", address]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        until(lambda: listens(address))
        yield address
        process.kill()


def listens(address: str) -> bool:
    """The socket's file is there a moment before anybody listens."""
    try:
        wire.connect(address, 10).close()
    except OSError:
        return False
    return True


def driver(address: str) -> Service:
    return parts.build_service(recipe(f"perception.place={address}"))


def test_requests_of_several_drivers_leave_together_when_the_model_is_idle(folder: Path, address: str) -> None:
    names = {1: ["sleep 1.5"], 2: ["a", "b", "c"], 3: ["d", "e", "f"], 4: ["g", "h", "i"]}
    got: dict[int, list[int]] = {}
    with ExitStack() as stack:
        drivers = {number: stack.enter_context(closing(driver(address))) for number in names}

        def ask(number: int) -> None:
            got[number] = found(drivers[number], *names[number])

        threads = [threading.Thread(target=ask, args=(number,)) for number in names]
        threads[0].start()
        until(lambda: batches(folder))
        for thread in threads[1:]:
            thread.start()
        for thread in threads:
            thread.join()
        figures = [each.statistics()["find"] for each in drivers.values()]
    assert got == {number: [3] * len(asked) for number, asked in names.items()}
    first, second, third = batches(folder)
    assert first == ["sleep 1.5"], "an idle model waits for nobody"
    assert (len(second), len(third)) == (8, 1), "a batch is full at 8"
    assert sorted(second + third) == list("abcdefghi")
    assert figures[0]["seconds"] == pytest.approx(1.5, abs=0.4)
    assert sorted(each["batched"] for each in figures) == [1, 8, 8, 9], "one driver has requests in both"
    assert sum(each["seconds"] for each in figures[1:]) < 1


def test_a_driver_that_goes_away_or_talks_nonsense_disturbs_nobody(folder: Path, address: str) -> None:
    with closing(driver(address)) as one:
        for nonsense in (b"GET / HTTP/1.1\r\n\r\n", wire.message({"method": "find", "views": [[]], "arguments": [[]]})):
            with wire.connect(address, 10) as stranger:
                stranger.sendall(nonsense)
                while stranger.recv(65536):
                    pass  # it says hello, and hangs up
        leaving = wire.connect(address, 10)
        leaving.sendall(wire.message({"method": "complete", "views": [None], "arguments": [["a"]]}))
        leaving.close()
        assert found(one, "cup") == [3]
        assert one.answer([Request("query", view(), ("What?", None))]) == [Answer("red")]


def test_pixels_that_are_not_those_they_are_named_after_are_refused(folder: Path, address: str) -> None:
    other = folder / "other.png"
    Image.new("RGB", (30, 20), "red").save(other)
    with wire.connect(address, 10) as connection:
        connection.sendall(wire.message(wire.question("find", find("cup"))))
        lying = wire.picture_message(Picture(other)).replace(
            Picture(other).fingerprint.encode(), view().picture.fingerprint.encode()
        )
        connection.sendall(lying)
        heard = b""
        while data := connection.recv(65536):
            heard += data
    assert b'"send"' in heard
    assert b'"replies"' not in heard


# -- faults -------------------------------------------------------------------------------------------------------


def test_a_process_that_is_killed_at_work_is_started_again_and_asked_again(
    service: Service, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert found(service, "cup") == [3]
    with caplog.at_level(logging.WARNING):
        assert found(service, "dog", "once", "unicorn") == [3, 3, 0]
    (line,) = caplog.messages
    assert line.startswith("the perception process was lost with 3 requests of find under way (")
    assert line.endswith("), and is asked again")
    assert len(servers(folder)) == 2
    assert service.statistics()["find"]["restarts"] == 1
    assert found(service, "mouse") == [3]


def test_a_process_that_is_killed_while_it_waits_is_noticed_when_it_is_asked(service: Service, folder: Path) -> None:
    assert found(service, "cup") == [3]
    os.kill(servers(folder)[0], signal.SIGKILL)
    assert found(service, "dog") == [3]
    assert service.statistics()["find"]["restarts"] == 1


def test_what_kills_the_process_each_time_stops_the_run(service: Service, folder: Path) -> None:
    with pytest.raises(MachineFault, match=r"the perception process was lost 4 times over with find \(.*\).*resume"):
        found(service, "die")
    assert len(servers(folder)) == 1 + MOST_RESTARTS


def test_a_batch_that_takes_too_long_is_asked_again_of_a_new_process(folder: Path) -> None:
    with closing(parts.build_service(recipe("perception.deadline=1.0"))) as service:
        assert found(service, "hang", "cup") == [3, 3]
        assert service.statistics()["find"]["restarts"] == 1
    first, second = servers(folder)
    assert is_gone(first)
    assert is_gone(second)


def test_a_driver_behind_others_is_not_lost_while_batches_get_done(folder: Path, address: str) -> None:
    slow = [f"sleep 0.2000{number}" for number in range(24)]
    quick = parts.build_service(recipe(f"perception.place={address}", "perception.deadline=3.0"))
    with closing(driver(address)) as one, closing(quick) as two:
        thread = threading.Thread(target=found, args=(one, *slow))
        thread.start()
        until(lambda: batches(folder))
        started = time.monotonic()
        assert found(two, "cup") == [3]
        assert time.monotonic() - started > 3
        assert two.statistics()["find"]["restarts"] == 0
        thread.join()


def test_a_model_that_breaks_stops_the_run_with_its_message_and_not_the_process(service: Service, folder: Path) -> None:
    with pytest.raises(MachineFault, match=r"find failed twice \(RuntimeError: CUDA error: device-side assert\)"):
        found(service, "cup", "break", "dog")
    assert batches(folder) == [["cup", "break", "dog"], ["cup"], ["break"]]
    assert found(service, "cup", "large", "unicorn") == [3, 3, 0], "too many at once are asked one by one"
    assert len(servers(folder)) == 1


@pytest.mark.parametrize(
    ("fails", "fault", "said"),
    [
        ("user", UserFault, r"no weights in the folder; fetch them"),
        ("model", MachineFault, r"perception 'eyes\.py' could not be loaded \(RuntimeError: no kernel image"),
        ("hard", MachineFault, r"the perception process does not start.*: libcuda\.so is missing"),
    ],
)
def test_models_that_cannot_be_loaded_say_why(folder: Path, fails: str, fault: type[Fault], said: str) -> None:
    changes = f'perception.options={{ folder = ".", fails = "{fails}" }}'
    with pytest.raises(fault, match=said):
        parts.build_service(recipe(changes))


OWNER = """
import sys, time
from visrep.train import parts
from visrep.train.config import load_recipe
service = parts.build_service(load_recipe("recipe.toml"))
print(service._models.said[0].rpartition(" ")[2], service._models._origin._folder, flush=True)
time.sleep(600)
"""


def test_neither_the_process_nor_its_folder_outlives_a_driver_that_is_killed(folder: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        told, own = owner.stdout.readline().split()
        assert not is_gone(int(told))
        assert (Path(own) / "settings.toml").exists()
        owner.kill()
    until(lambda: is_gone(int(told)))
    until(lambda: not Path(own).exists())


def test_a_keeper_that_is_killed_leaves_nothing_once_models_are_asked_again(service: Service, folder: Path) -> None:
    assert found(service, "cup") == [3]
    origin = service._models._origin  # type: ignore[attr-defined]
    first = origin._folder
    os.kill(origin._process.pid, signal.SIGKILL)
    names = map(str, itertools.count())
    until(lambda: found(service, next(names)) == [3] and origin._folder != first)  # what it kept ends a moment later
    assert not first.exists()


def test_closing_ends_the_process_and_leaves_nothing(folder: Path) -> None:
    service = parts.build_service(recipe())
    remote = service._models
    assert isinstance(remote, Remote)
    pid, own = int(remote.said[0].rpartition(" ")[2]), remote._origin._folder  # type: ignore[attr-defined]
    assert own.stat().st_mode & 0o777 == 0o700
    service.close()
    assert is_gone(pid)
    assert not own.exists()


def test_a_device_that_was_freed_is_taken_again_when_it_is_needed(service: Service, folder: Path) -> None:
    assert found(service, "cup") == [3]
    service.stop()
    assert is_gone(servers(folder)[0])
    assert found(service, "cup", "dog") == [3, 3]
    assert len(servers(folder)) == 2
    assert service.statistics()["find"]["restarts"] == 0


# -- addresses ----------------------------------------------------------------------------------------------------


def test_a_service_may_be_reached_by_network(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"tcp:127.0.0.1:{probe.getsockname()[1]}"
    command = [sys.executable, "-m", "visrep.train.perceive", "recipe.toml", address]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        until(lambda: _listens(address))
        with closing(driver(address)) as service:
            assert found(service, "cup", "unicorn") == [3, 0]
        process.kill()


def _listens(address: str) -> bool:
    try:
        wire.connect(address, 10).close()
    except OSError:
        return False
    return True


def test_a_service_with_other_models_is_refused(folder: Path, address: str) -> None:
    with pytest.raises(UserFault, match=r"service at unix:.* holds eyes\.py with options .*, but the recipe wants"):
        parts.build_service(recipe(f"perception.place={address}", 'perception.options={ folder = "elsewhere" }'))


@pytest.mark.parametrize("place", ["unix:nowhere", "tcp:127.0.0.1:1"])
def test_an_address_where_nobody_answers_is_one_line(folder: Path, place: str) -> None:
    with pytest.raises(UserFault, match=rf"service at {place} cannot be reached \(.*\); start it with") as fault:
        parts.build_service(recipe(f"perception.place={place}"))
    assert "\n" not in str(fault.value)


def test_a_place_that_is_none_is_refused(folder: Path) -> None:
    with pytest.raises(UserFault, match=r"setting 'perception\.place' is 'outside'"):
        recipe("perception.place=outside")
    with pytest.raises(UserFault, match="is no address"):
        Remote(Address("tcp:localhost:99999"), "", 1.0)


def test_an_address_that_is_taken_is_the_users_fault_and_a_left_one_is_not(folder: Path, address: str) -> None:
    with pytest.raises(UserFault, match="another process listens there"):
        wire.listen(address)
    wire.listen("unix:left").close()  # as a process that was killed leaves it
    wire.listen("unix:left").close()


# -- runs ---------------------------------------------------------------------------------------------------------

COUNT = "def execute_command(image): return str(len(image.find('thing {}')) + len(image.find('unicorn')))"


def tasks(folder: Path, number: int) -> list[Task]:
    made = []
    for n in range(number):
        Image.new("RGB", (30, 20), (n, 0, 0)).save(folder / f"{n}.png")
        instance = Instance(f"i{n}", (folder / f"{n}.png",), answers=("3" if n % 2 else "4",))
        made.append(Task(Question(f"q{n}", "How many?", "answer", "count"), (instance,), "t", "s"))
    return made


def ran(environment: Environment, made: list[Task]) -> dict[str, Any]:
    """What came of a program on each task, without its times."""
    told = {}
    for rollout in environment.run((task, COUNT.format(n)) for n, task in enumerate(made)):
        row = to_json(rollout)
        for execution in row["executions"]:
            del execution["cpu_seconds"], execution["wall_seconds"]
            for call in execution["calls"]:
                del call["seconds"]
        told[rollout.task_id] = row
    return told


def test_a_run_whose_process_is_killed_again_and_again_earns_the_same(folder: Path) -> None:
    made = tasks(folder, 60)
    with parts.build_environment(recipe()) as environment:
        undisturbed = ran(environment, made)
    assert sum(row["reward"] for row in undisturbed.values()) == 30
    begun = len(batches(folder))
    with parts.build_environment(recipe()) as environment:
        over = threading.Event()
        killed = []

        def kill() -> None:
            """Each process after a few batches, three in all."""
            while len(killed) < 3 and not over.wait(0.005):
                lines = (folder / "batches").read_text().splitlines()[begun:]
                asked = [json.loads(line)[0] for line in lines if line.endswith("]")]
                if asked and asked[-1] not in killed and asked.count(asked[-1]) >= 3:
                    os.kill(asked[-1], signal.SIGKILL)
                    killed.append(asked[-1])

        killer = threading.Thread(target=kill)
        killer.start()
        assert ran(environment, made) == undisturbed
        over.set()
        killer.join()
        assert environment.usage().total("restarts") >= 1
        assert environment.usage().repeated == 0


def test_a_second_run_asks_no_model(folder: Path) -> None:
    made = tasks(folder, 40)
    told = []
    for _ in range(2):
        with parts.build_environment(recipe("perception.cache=shared.sqlite")) as environment:
            told.append(ran(environment, made))
            usage = environment.usage()
    assert told[0] == told[1]
    assert usage.calls == usage.hits == 80
    assert usage.total("batches") == 0
    asked = [name for names in batches(folder) for name in names]
    assert len(asked) == 80
