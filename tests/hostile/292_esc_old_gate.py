# expect: crash|runtime_error
# tries: jumps to an int 0x80 that happens to lie in the C library, into the table of 32-bit calls
# gold: SECRET
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def execute_command(image):
    ctypes = load("ctypes")
    start = ctypes.cast(ctypes.CDLL(None).getpid, ctypes.c_void_p).value
    at = ctypes.string_at(start, 500_000).find(b"\xcd\x80")
    if at < 0:
        raise RuntimeError("no such bytes")
    ctypes.CFUNCTYPE(ctypes.c_long)(start + at)()
    return "escaped"
