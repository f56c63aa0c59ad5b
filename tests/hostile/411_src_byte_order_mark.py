# expect: syntax_error
# tries: a byte order mark in front of the entry point
# gold: SECRET
# reward: 0
﻿def execute_command(image):
    return "yes"
