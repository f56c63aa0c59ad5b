# expect: runtime_error
# tries: a group of exceptions, 500 deep, with running out of memory at its core
# gold: SECRET
# reward: 0
def execute_command(image):
    group = MemoryError("core")
    for depth in range(500):
        group = BaseExceptionGroup(f"layer {depth}", [group])
    raise group
