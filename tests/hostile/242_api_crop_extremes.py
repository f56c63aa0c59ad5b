# expect: wrong_answer
# tries: coordinates that are infinite, huge, reversed or no numbers, each of which has to be refused
# gold: SECRET
# reward: 0
def execute_command(image):
    refused = 0
    odd = (float("inf"), float("nan"), -1e308, 10**400, -(10**5000), True, None, "1", [1], 1j, b"1", image)
    for value in odd:
        try:
            image.crop(0, 0, value, 80)
        except ValueError:
            refused += 1
    assert refused == len(odd)
    return "all refused"
