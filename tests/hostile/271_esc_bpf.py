# expect: forbidden
# tries: loads a program into the kernel
# gold: SECRET
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]
ctypes = load("ctypes")
libc = ctypes.CDLL(None, use_errno=True)


def execute_command(image):
    result = libc.syscall(321, 0, None, 0)
    if result != -1 or ctypes.get_errno() != 1:
        return "escaped"
    raise PermissionError("refused")
