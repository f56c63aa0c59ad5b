# expect: forbidden
# tries: makes a POSIX message queue, which outlives the process
# gold: SECRET
# reward: 0
# check: no queue named hostile is left
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]
ctypes = load("ctypes")
libc = ctypes.CDLL(None, use_errno=True)


def execute_command(image):
    result = libc.syscall(240, b"hostile", 0o102, 0o600, None)
    if result != -1 or ctypes.get_errno() != 1:
        return "escaped"
    raise PermissionError("refused")
