"""The studio's page: its components, and what happens at each event.

Whatever an event needs is done in one thread, whoever asks: the sandbox and the run's files are for one. A visitor's
session holds what it looks at, so that several may look at different tasks; what a browser sends is a choice among
those that it was given, or text.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Any

import gradio as gr
from fastapi import FastAPI

from visrep.corrections import draft, store
from visrep.env.faults import Fault, UserFault
from visrep.env.types import Task
from visrep.train.parts import frame_rate
from visrep.train.studio import views
from visrep.train.studio.desk import PAGE, Desk, name_of

Changes = dict[Any, Any]
"""Components with their new values; the others stay as they are."""

_THEME = gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
"""Fonts that every system has: none is fetched."""


def mounted(page: "Page") -> FastAPI:
    """An application with the page at its root."""
    app = FastAPI(openapi_url=None)
    look = {"theme": _THEME, "head": views.page_head(), "footer_links": []}
    made: FastAPI = gr.mount_gradio_app(app, page.blocks, path="/", ssr_mode=False, **look)
    return made


class Page:
    """The page of a desk, which only the worker's thread touches."""

    def __init__(self, desk: Desk, worker: Executor) -> None:
        self._desk = desk
        self._worker = worker
        self._rate = frame_rate(desk.run.recipe.video)
        title = f"{desk.run.folder.resolve().name} · visrep studio"
        with gr.Blocks(title=title, analytics_enabled=False, fill_width=True) as self.blocks:
            self._remember()
            self._top = _html()
            with gr.Row(elem_id="studio"):
                with gr.Column(elem_id="board"):
                    self._lay_out_board()
                with gr.Column(elem_id="policys"):
                    self._lay_out_task()
                with gr.Column(elem_id="mine"):
                    self._lay_out_editor()
            self._connect()

    def _remember(self) -> None:
        """What a session looks at: the page of groups, the group and the page of its tasks, the task, and the texts of
        tasks that were open before."""
        self._groups_page, self._tasks_page = gr.State(0), gr.State(0)
        self._group, self._task = gr.State(""), gr.State("")
        self._drafts = gr.State({})

    def _lay_out_board(self) -> None:
        self._groups = gr.Radio([], label="Persistent errors", elem_id="groups")
        self._turn_groups = self._pager("errors")
        self._tasks = gr.Radio([], label="Stuck tasks", elem_id="tasks")
        self._turn_tasks = self._pager("tasks")
        self._named = gr.Textbox(label="Any training task", placeholder="its id, and Enter", max_lines=1)

    def _lay_out_task(self) -> None:
        self._question = _html()
        self._programs = gr.Dropdown([], label="The policy's programs for it", elem_id="programs", filterable=False)
        self._shown = _html("shown")

    def _lay_out_editor(self) -> None:
        self._editor = gr.Code(language="python", label="Your program", lines=14, interactive=True, elem_id="editor")
        self._take = gr.Button("Start again from the policy's program", size="sm", elem_id="take")
        with gr.Row():
            self._run = gr.Button("Run (Ctrl+Enter)", elem_id="run")
            self._save = gr.Button("Save (Ctrl+S)", variant="primary", elem_id="save")
        self._note = gr.Textbox(label="Note: what the policy gets wrong, and how this is right", elem_id="note")
        self._said = _html("said")
        self._api = _html()

    def _pager(self, what: str) -> tuple[gr.Button, gr.Button]:
        with gr.Row(elem_classes="pager"):
            return gr.Button(f"Earlier {what}", size="sm"), gr.Button(f"More {what}", size="sm")

    def _connect(self) -> None:
        group = [self._groups_page, self._groups, *self._turn_groups]
        tasks = [self._group, self._tasks_page, self._tasks, *self._turn_tasks]
        task = [self._task, self._drafts, self._question, self._programs, self._shown]
        task += [self._editor, self._note, self._api]
        mine = [self._task, self._editor, self._drafts]
        self._on(self.blocks.load, self._begin, mine, [self._top, *group, *tasks, *task])
        for step, button in zip((-1, 1), self._turn_groups, strict=True):
            self._on(button.click, partial(self._show_groups, step), [self._groups_page, self._group], group)
        for step, button in zip((-1, 1), self._turn_tasks, strict=True):
            self._on(button.click, partial(self._show_tasks, step), [self._group, self._tasks_page, self._task], tasks)
        self._on(self._groups.input, self._open_group, [self._groups, *mine], [*tasks, *task])
        self._on(self._tasks.input, self._open, [self._tasks, *mine], task)
        self._on(self._named.submit, self._open, [self._named, *mine], task)
        self._on(self._programs.input, self._show_program, [self._task, self._programs], [self._shown])
        self._on(self._take.click, self._start_again, [self._task, self._programs], [self._editor])
        self._on(self._run.click, self._try_out, [self._task, self._editor], [self._shown])
        keeping = [self._group, self._tasks_page, self._task, self._editor, self._note]
        self._on(self._save.click, self._keep, keeping, [*tasks, self._question])

    def _on(self, event: Any, act: Callable[..., Changes], given: Sequence[Any], changing: Sequence[Any]) -> None:
        """Have an event do this; what goes wrong is said in one line, and changes nothing else."""

        def do(*values: Any) -> Changes:
            try:
                return {self._said: ""} | self._worker.submit(act, *values).result()
            except Fault as fault:
                return {self._said: views.said(str(fault), good=False)}

        # Private: nothing but this page has a use for them.
        shown = {"show_progress": "minimal", "show_progress_on": self._said}
        event(do, list(given), [*changing, self._said], api_visibility="private", **shown)

    def _begin(self, *mine: Any) -> Changes:
        """The board and its first group's typical task, of the run as it is by now."""
        self._desk.refresh()
        groups = self._desk.board.groups
        first = name_of(groups[0]) if groups else ""
        changes = {self._top: views.top(self._desk)} | self._show_groups(0, 0, first)
        return changes | (self._open_group(first, *mine) if groups else {})

    def _show_groups(self, step: int, page: int, name: str) -> Changes:
        page, groups = page + step, self._desk.board.groups
        shown = groups[page * PAGE : (page + 1) * PAGE]
        choices = [(views.group_label(group), name_of(group)) for group in shown]
        label = _label("Persistent errors", page, len(shown), len(groups))
        radio = gr.Radio(choices, value=_among(name, choices), label=label)
        return {self._groups_page: page, self._groups: radio} | _turned(self._turn_groups, page, len(groups))

    def _open_group(self, name: str, *mine: Any) -> Changes:
        typical = self._desk.group(name).typical
        return self._show_tasks(0, name, 0, typical) | self._open(typical, *mine)

    def _show_tasks(self, step: int, name: str, page: int, task_id: str) -> Changes:
        page, group, corrected = page + step, self._desk.group(name), self._desk.corrected()
        shown = self._desk.members(group, page)
        choices = [(views.task_label(task, corrected.get(task.question.id)), task.question.id) for task in shown]
        label = _label(f"Stuck tasks of {group.category}", page, len(shown), group.tasks)
        radio = gr.Radio(choices, value=_among(task_id, choices), label=label)
        changes = {self._group: name, self._tasks_page: page, self._tasks: radio}
        return changes | _turned(self._turn_tasks, page, group.tasks)

    def _open(self, task_id: str, before: str, text: str, drafts: dict[str, str]) -> Changes:
        """Another task; what was written for the one before is there again when it is opened again."""
        desk, task = self._desk, self._desk.task((task_id or "").strip())
        name = task.question.id
        drafts = drafts | ({before: text} if before else {})
        attempts = desk.attempts(task)
        first = desk.nearest(attempts)
        choices = [(views.attempt_label(attempt), index) for index, attempt in enumerate(attempts)]
        return {
            self._task: name,
            self._drafts: drafts,
            self._question: views.task(task, desk.corrected().get(name)),
            self._programs: gr.Dropdown(choices, value=first if attempts else None),
            self._editor: drafts.get(name) or self._first_text(task, first),
            self._note: "",
            self._api: views.api(desk.run, task),
        } | self._show_program(name, first)

    def _first_text(self, task: Task, index: int | None) -> str:
        attempts = self._desk.attempts(task)
        return draft.skeleton(task) if index is None or not attempts else attempts[index].rollout.program

    def _show_program(self, task_id: str, index: int | None) -> Changes:
        task = self._desk.task(task_id)
        attempts = self._desk.attempts(task)
        if index is None or not attempts:
            return {self._shown: views.said("The policy was not asked for programs for this task.", good=True)}
        return {
            self._shown: views.program(
                "The policy's program", self._desk.recorded(task, attempts[index]), task, self._rate
            )
        }

    def _start_again(self, task_id: str, index: int | None) -> Changes:
        return {self._editor: self._first_text(self._desk.task(task_id), index)}

    def _try_out(self, task_id: str, text: str) -> Changes:
        task, source = self._desk.task(task_id), _written(text)
        ran = self._desk.try_out(task, source)
        shown = {self._shown: views.program("Your program", ran, task, self._rate)}
        if ran.rollout.reward != 1:
            return shown | {self._said: views.said(store.shortfall(ran.rollout, task), good=False)}
        try:
            self._desk.check(task, source)
        except UserFault as fault:
            return shown | {self._said: views.said(f"right, but it cannot be kept: {fault}", good=False)}
        return shown | {self._said: views.said("right on all instances: it can be saved", good=True)}

    def _keep(self, group: str, page: int, task_id: str, text: str, note: str) -> Changes:
        kept = self._desk.keep(task_id, _written(text), note)
        said = views.said(f"kept in {self._desk.store}: {kept.task_id}, by {kept.author}", good=True)
        changes = {self._said: said, self._question: views.task(self._desk.task(task_id), kept.author)}
        return changes | (self._show_tasks(0, group, page, task_id) if group else {})


def _html(name: str | None = None) -> gr.HTML:
    """A place for what `views` makes, which brings its own looks."""
    return gr.HTML(elem_id=name, padding=False, apply_default_css=False)


def _written(text: str | None) -> str:
    """What is in the editor. Raises UserFault where nothing is."""
    if not text or not text.strip():
        raise UserFault("the editor is empty; write a program, or start again from the policy's")
    return text.strip()


def _among(name: str, choices: Sequence[tuple[str, str]]) -> str | None:
    """What is chosen, if it is on this page."""
    return name if name in [value for _, value in choices] else None


def _label(what: str, page: int, shown: int, count: int) -> str:
    return f"{what} ({page * PAGE + 1}–{page * PAGE + shown} of {count})" if count > PAGE else f"{what} ({count})"


def _turned(pager: Sequence[gr.Button], page: int, count: int) -> Changes:
    """The buttons that turn the pages, those that there is something behind."""
    return dict(zip(pager, _buttons(page, count), strict=True))


def _buttons(page: int, count: int) -> Iterator[gr.Button]:
    for there in (page > 0, (page + 1) * PAGE < count):
        yield gr.Button(interactive=there, visible=count > PAGE)
