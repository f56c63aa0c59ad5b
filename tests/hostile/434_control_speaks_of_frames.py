# expect: ok
# tries: honest: an answer that looks like a message of the protocol
# gold: '["result", "ok", "yes", "", null]'
# reward: 1
def execute_command(image):
    return '["result", "ok", "yes", "", null]'
