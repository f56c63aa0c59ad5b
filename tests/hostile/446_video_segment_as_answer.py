# expect: wrong_type
# input: video
# tries: returns the video, with options for a place in it
# gold: SECRET
# reward: 0
def execute_command(video, options):
    video.start = options
    video.end = {"image": 0, "box": [0, 0, 1, 1]}
    return video
