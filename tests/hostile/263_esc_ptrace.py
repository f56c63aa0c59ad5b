# expect: forbidden
# tries: attaches to its parent
# gold: SECRET
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]
ctypes = load("ctypes")
libc = ctypes.CDLL(None, use_errno=True)


def execute_command(image):
    result = libc.syscall(101, 0x4206, load("os").getppid(), None, None)
    if result != -1 or ctypes.get_errno() != 1:
        return "escaped"
    raise PermissionError("refused")
