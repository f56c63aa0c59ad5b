# expect: wrong_type
# tries: yields its answer instead of returning it
# gold: 'yes'
# reward: 0
def execute_command(image):
    for cup in image.find("cup"):
        yield "yes" if cup.verify_property("cup", "red") else "no"
