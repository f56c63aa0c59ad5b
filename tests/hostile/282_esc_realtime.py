# expect: forbidden
# tries: asks for a real-time priority, and with it for the whole processor
# gold: SECRET
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]
ctypes = load("ctypes")
libc = ctypes.CDLL(None, use_errno=True)


def execute_command(image):
    result = libc.syscall(144, 0, 1, (ctypes.c_int * 1)(1))
    if result != -1 or ctypes.get_errno() != 1:
        return "escaped"
    raise PermissionError("refused")
