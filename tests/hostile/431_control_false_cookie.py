# expect: ok
# tries: honest: names an encoding in its first lines that its text is not in; coding: rot13
# gold: 'größer'
# reward: 1
# -*- coding: utf-16 -*-
def execute_command(image):
    return "größer" if image.width > image.height else "kleiner"
