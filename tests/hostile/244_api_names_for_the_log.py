# expect: wrong_answer
# tries: object names of null characters, terminal codes, line separators and right-to-left marks
# gold: SECRET
# reward: 0
# check: the record can be written, read again and shown
def execute_command(image):
    for name in ("cup\x00", "\x1b[2J\x1b]0;paid\x07", "a\u2028b\u2029c\x85d\x0ce", "\u202e1 drawer", "\U000e0041" * 900):
        image.find(name)
        image.best_text_match([name, "cup"], prefix=name)
    return "named"
