"""The one exception that means: nothing was learned about the image."""


class CannotJudge(Exception):
    """The judge could not do its work; says nothing about the image."""
