# expect: timeout
# tries: asks for too much memory again and again and swallows the refusal
# gold: SECRET
# reward: 0
def execute_command(image):
    while True:
        try:
            bytearray(2**40)
        except MemoryError:
            pass
