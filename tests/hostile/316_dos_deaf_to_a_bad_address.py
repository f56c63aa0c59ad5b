# expect: crash
# tries: ignores the signal of a bad address and touches one
# gold: SECRET
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def execute_command(image):
    signal = load("signal")
    signal.signal(signal.SIGSEGV, signal.SIG_IGN)
    load("ctypes").string_at(0)
    return "escaped"
