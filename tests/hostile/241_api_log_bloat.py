# expect: wrong_answer|call_limit
# tries: fills the call log with 40 MB of texts to compare
# gold: SECRET
# reward: 0
# check: the host's memory and the record stay small
def execute_command(image):
    texts = [f"{n} " + "x" * 1_990 for n in range(100)]
    for _ in range(200):
        image.best_text_match(texts)
    return "logged"
