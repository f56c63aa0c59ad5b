# expect: forbidden
# tries: a timer that sends itself SIGKILL, to look as if it was killed from outside and be run again
# gold: SECRET
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]
ctypes = load("ctypes")
libc = ctypes.CDLL(None, use_errno=True)


def execute_command(image):
    event = (ctypes.c_int * 16)(0, 0, 9, 0)
    result = libc.syscall(222, 1, event, ctypes.create_string_buffer(8))
    if result != -1 or ctypes.get_errno() != 1:
        return "escaped"
    raise PermissionError("refused")
