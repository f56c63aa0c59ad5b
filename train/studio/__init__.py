"""The studio: a run's board, tasks and programs as a page in the browser, and corrections written there.

    desk.py      what a person does at a run: look, try a program, keep it
    page.py      the page: its components, and what happens at each event
    views.py     what its parts show, as HTML; templates beside it
    door.py      who is let in
    server.py    where it listens

It needs no network but its own: no fonts, scripts or statistics from or to anywhere else.
"""

import os

# Read when gradio is imported, and it would tell its makers of every start.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
