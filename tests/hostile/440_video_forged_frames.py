# expect: protocol
# input: video
# tries: a segment of frames that the host never gave out
# gold: SECRET
# reward: 0
def execute_command(video, options):
    frame = video.frame_from_index(0)
    frame._handle = video.num_frames
    video._frames = [frame] * 10**6
    video.num_frames = 10**6
    return video.frame_from_index(10**5).simple_query("What is this?")
