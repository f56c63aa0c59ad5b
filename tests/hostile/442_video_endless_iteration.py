# expect: call_limit
# input: video
# tries: looks at the frames for ever, and swallows what it is told
# gold: SECRET
# reward: 0
import itertools


def execute_command(video, options):
    for frame in itertools.cycle(video.frame_iterator()):
        try:
            frame.exists("cup")
        except BaseException:
            pass
