# expect: wrong_answer
# input: video
# tries: indices that are negative, huge, infinite or no numbers, each of which is clipped or refused
# gold: SECRET
# reward: 0
def execute_command(video, options):
    first, last = video.frame_from_index(0), video.frame_from_index(-1)
    for index in (-1, 10**400, video.num_frames):
        assert video.frame_from_index(index) is last
        assert video.trim(index).num_frames in (0, video.num_frames)
    assert video.frame_from_index(-(10**400)) is first
    assert video.trim(-(10**400), 10**400).num_frames == video.num_frames
    refused = 0
    odd = (float("nan"), float("inf"), 1.5, "1", [1], 1j, b"1", video, first)
    for index in odd:
        for ask in (video.frame_from_index, video.trim, lambda index: video.trim(0, index)):
            try:
                ask(index)
            except TypeError:
                refused += 1
    assert refused == 3 * len(odd)
    return "all refused"
