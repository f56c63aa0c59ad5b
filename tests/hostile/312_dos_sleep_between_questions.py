# expect: timeout
# tries: sleeps a little before each of many questions, in case a question sets the clock back
# gold: SECRET
# reward: 0
# check: clock
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def execute_command(image):
    time = load("time")
    for _ in range(200):
        time.sleep(0.4)
        image.exists("dog")
    return "escaped"
