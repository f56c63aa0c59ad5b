# expect: timeout
# tries: ignores the signal of the processor limit and returns the right answer a little late
# gold: 'yes'
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def execute_command(image):
    signal, time = load("signal"), load("time")
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))
    limit = load("json").loads(load("sys").argv[1])["cpu_seconds"]
    while time.process_time() < limit + 0.3:
        pass
    return "yes"
