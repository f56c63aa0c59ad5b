# expect: crash|runtime_error|wrong_answer
# tries: a profiler that stays after the program and raises while its value is reported
# gold: SECRET
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def execute_command(image):
    def profile(frame, event, argument):
        if frame.f_code.co_name == "_report":
            raise MemoryError if event == "return" else KeyboardInterrupt

    load("sys").setprofile(profile)
    return "profiled"
