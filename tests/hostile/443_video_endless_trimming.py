# expect: timeout
# input: video
# tries: cuts the video for ever, which asks nothing of the host
# gold: SECRET
# reward: 0
def execute_command(video, options):
    while True:
        try:
            video.trim(1).trim(-1).frame_from_index(10**9)
        except BaseException:
            pass
