# expect: memory
# tries: reserves 64 GB without touching them
# gold: SECRET
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def execute_command(image):
    ctypes = load("ctypes")
    mmap = ctypes.CDLL(None).mmap
    mmap.restype, mmap.argtypes = ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
    if mmap(None, 64 * 2**30, 0, 0x4022, -1, 0) != 2**64 - 1:
        return "escaped"
    raise MemoryError
