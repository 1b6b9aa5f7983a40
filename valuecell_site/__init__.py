"""The project package: settings, addresses, sign-in and the processes that serve them."""
