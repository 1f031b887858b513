"""The one way in which a command gives up."""


class CannotRun(Exception):
    """The command cannot do what was asked; the text is one sentence for the operator."""
