# expect: timeout
# tries: a loop in which every exception, the interrupt included, is caught
# gold: SECRET
# reward: 0
def execute_command(image):
    while True:
        try:
            raise KeyboardInterrupt
        except BaseException:
            continue
