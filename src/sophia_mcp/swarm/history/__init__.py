"""Which runs were there, what did each of their steps come to, and how long is that kept?"""
