# expect: runtime_error|protocol
# tries: a traceback of its own making that ends on line -7
# gold: SECRET
# reward: 0
# check: the recorded line is one of the program or none
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def execute_command(image):
    at = load("types").TracebackType(None, load("sys")._getframe(), 0, -7)
    raise ValueError("where").with_traceback(at)
