# expect: forbidden|wrong_type
# tries: a text of numpy, which is a subclass of str
# gold: 'yes'
# reward: 0
import numpy as np


def execute_command(image):
    return np.str_("yes")
