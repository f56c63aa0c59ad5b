# expect: runtime_error
# tries: an exception whose class has a name with code in it: printing the name would end the process with the status for memory
# gold: SECRET
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def execute_command(image):
    class Name(str):
        def __getitem__(self, place):
            load("os")._exit(12)

    raise type(Name("Fault"), (Exception,), {})("printed")
