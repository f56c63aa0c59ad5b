# expect: wrong_answer|runtime_error|call_limit
# tries: compares one patch a thousand times in one call
# gold: SECRET
# reward: 0
def execute_command(image):
    return str(best_image_match([image] * 1_000, ["cup"], return_index=True))
