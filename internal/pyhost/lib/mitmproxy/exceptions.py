"""The exceptions that addons raise and catch."""


class MitmproxyException(Exception):
    """The base of all but CommandError."""

    def __init__(self, message=None):
        super().__init__(message)


class FlowReadException(MitmproxyException):
    """A flow file cannot be read further."""


class ControlException(MitmproxyException):
    """A flow cannot be steered like this now."""


class CommandError(Exception):
    """A command failed."""


class OptionsError(MitmproxyException):
    """A value of an option is refused."""


class AddonManagerError(MitmproxyException):
    """An addon cannot be added."""


class AddonHalt(MitmproxyException):
    """Keeps the addons that come later from this event."""


class TypeError(MitmproxyException):  # noqa: A001 - the name is part of the API
    """A value does not have the type that was declared."""


class HttpException(MitmproxyException):
    pass


class HttpSyntaxException(HttpException):
    pass


class NetlibException(MitmproxyException):
    pass


class ServerException(MitmproxyException):
    pass


class Kill(MitmproxyException):
    pass
