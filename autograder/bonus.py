"""placeholder"""


def bonus_hook(**_):
    pass
