"""The socket through which the command line talks to the running program."""
