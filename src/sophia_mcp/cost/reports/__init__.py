"""What was spent and by what, what will it come to, what could be saved, and how is that written down?"""
