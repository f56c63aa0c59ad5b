# expect: runtime_error
# tries: a syntax error whose message is computed: reading it would end the process with the status for memory
# gold: SECRET
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def execute_command(image):
    class Fault(SyntaxError):
        @property
        def msg(self):
            load("os")._exit(12)

    raise Fault("read")
