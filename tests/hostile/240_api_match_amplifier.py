# expect: wrong_answer|call_limit
# tries: makes the models compare 100 patches with 100 texts in each of a few calls
# gold: SECRET
# reward: 0
# check: programs that run at the same time lose no time of their own
def execute_command(image):
    patches = [image.crop(left, 0, left + 1 + left % 7, 80) for left in range(90)]
    for turn in range(25):
        best_image_match(patches, [f"{turn} {n}" for n in range(100)])
    return "dear"
