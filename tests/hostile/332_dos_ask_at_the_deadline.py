# expect: timeout
# tries: asks, works and sleeps in turn just as the wall clock runs out, to be killed by an order that was overtaken, and run again
# gold: SECRET
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def execute_command(image):
    time = load("time")
    wall = 3 if load("json").loads(load("sys").argv[1])["cpu_seconds"] == 1 else 10
    time.sleep(wall - 0.1)
    for _ in range(250):
        end = time.perf_counter() + 0.0005
        while time.perf_counter() < end:
            pass
        image.exists("dog")
        time.sleep(0.0005)
    time.sleep(3600)
    return "escaped"
