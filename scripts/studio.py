"""`visrep studio`: where a run stalls, as a page in the browser, and corrections written there."""

from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

import typer

from visrep.corrections.board import LAST
from visrep.scripts import terminal
from visrep.scripts.corrections import Author, RunFolder, Store

PORT = 7860


def studio(
    run: RunFolder,
    author: Author,
    store: Store = None,
    last: Annotated[
        int, typer.Option(min=1, help="A task is stuck that was not solved in so many last iterations, in no sample.")
    ] = LAST,
    host: Annotated[str, typer.Option(help="Name or address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 for any that is free.")] = PORT,
    token: Annotated[
        str | None,
        typer.Option(
            help="What visitors have to know. (default: none on this machine alone; on another --host, one is made)",
            show_default=False,
        ),
    ] = None,
    as_json: terminal.Json = False,
) -> None:
    """Find, run and write corrections on a page in the browser, until Ctrl-C.

    The page has the board, each task with its images, the policy's programs line by line with the boxes of their calls,
    and an editor. What is saved is verified first, as by `visrep corrections add`. The run may still be training.
    """
    from visrep.train import correcting
    from visrep.train.run import Run
    from visrep.train.studio import server
    from visrep.train.studio.desk import Desk

    opened = Run.open(run)
    to = correcting.store_of(opened.recipe, store)
    with server.listen(host, port) as listening, ThreadPoolExecutor(1, thread_name_prefix="studio") as worker:
        asked = server.token_for(listening, token)
        reading = worker.submit(Desk, opened, to, author, last)
        from visrep.train.studio.door import Door
        from visrep.train.studio.page import Page, mounted  # Gradio takes seconds to import; meanwhile the run is read

        desk = reading.result()
        try:
            app = Door(mounted(Page(desk, worker)), asked)
            address = server.address(listening, host, asked)
            if as_json:
                terminal.print_json({"address": address, "store": str(to)})
            else:
                terminal.console().print(f"studio: {address}", highlight=False, soft_wrap=True)
            server.serve(listening, app)
        finally:
            worker.submit(desk.close).result()
