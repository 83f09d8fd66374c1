"""What goes wrong with the other end of a connection."""


class PeerError(Exception):
    """The client refused a request of ours, didn't answer in time or went away; the text says which."""
