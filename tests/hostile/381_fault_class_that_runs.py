# expect: runtime_error
# tries: an exception that is asked for its class by isinstance: the reply would end the process with the status for memory
# gold: SECRET
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def execute_command(image):
    class Fault(Exception):
        @property
        def __class__(self):
            load("os")._exit(12)

    raise Fault("looked at")
