"""What all tests share."""

import signal

import hypothesis

# Time on a shared machine says nothing about the code.
hypothesis.settings.register_profile("touchline", deadline=None)
hypothesis.settings.load_profile("touchline")

# A shell starts what it runs in the background deaf to Ctrl-C, and children inherit that: the tests send it to theirs.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
