# expect: timeout
# tries: waits for a lock that it holds itself
# gold: SECRET
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def execute_command(image):
    lock = load("_thread").allocate_lock()
    lock.acquire()
    lock.acquire()
    return "escaped"
