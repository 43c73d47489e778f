"""What there is to see of a trained model: figures, a page, and the words of the command.

Belongs here: reading a model's row and the rows it was trained on, for a person's eyes. Does not
belong here: training, or anything that needs the sealed test window: the evaluation's row is shown,
never its trades.
"""
